"""Figures as the client tells them."""

from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory.client import figures


def test_a_gain_that_nobody_named_counts() -> None:
    """A judgement needs no source; only what was never used has no mean gain."""
    sources = {"x": wire.SourceStats(records=1, uses=2, mean_gain=-0.5), "y": wire.SourceStats(records=1)}
    x, y = figures.stats(wire.StatsResponse(by_source=sources)).by_source.values()
    assert (x.uses, x.used_by, x.mean_gain) == (2, {}, -0.5)
    assert (y.uses, y.mean_gain) == (0, None)
