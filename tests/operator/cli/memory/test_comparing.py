"""What `tandem memory report` makes of a namespace's figures."""

from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory.client import figures
from tandem_operator.cli.memory.comparing import compared


def test_every_use_weighs_the_same_whoever_it_was_by() -> None:
    """Also those by nobody named, which are no source's use of another's records."""
    stats = wire.StatsResponse(
        by_source={
            "cloud": wire.SourceStats(uses=3, mean_gain=1, used_by={"cloud": 1}),
            "local": wire.SourceStats(uses=1, mean_gain=-1, used_by={"cloud": 1}),
            "other": wire.SourceStats(),
        }
    )
    found = compared(figures.stats(stats))
    assert [side.uses for side in found.sides] == [3, 1, 0]
    assert [side.gain for side in found.sides] == [1, -1, None]
    assert (found.all.uses, found.all.gain) == (4, 0.5)
    assert found.cross_use == 0.5
