"""How a judgement is added to a use."""

from tandem.memory.v1.memory_pb2 import Judged, Record, Use
from tandem_memory.acceptance import limits
from tandem_memory.rules.uses import MOST_SOURCES, judge


def test_what_is_judged_by_ever_more_sources_can_be_imported_again() -> None:
    """As many sources are told apart as are taken in; the judgements of others count all the same."""
    record = Record(use=Use())
    for number in range(MOST_SOURCES + 2):
        judge(record.use, Judged(gain=1, source=f"s{number}"))
    judge(record.use, Judged(gain=1, source="s0"))
    assert len(record.use.by_source) == MOST_SOURCES == limits.ITEMS
    assert (record.use.times, record.use.by_source["s0"]) == (MOST_SOURCES + 3, 2)
