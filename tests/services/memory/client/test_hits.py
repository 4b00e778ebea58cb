"""What a search found, as values."""

import os
from pathlib import Path

from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory.client import Hit
from tandem_memory.client.answers import hits

_RECORDS, _TEXT = 10, 100_000
_ANSWERS = 100  # of a megabyte each


def test_who_keeps_a_record_of_each_large_answer_keeps_no_answers() -> None:
    """A hundred records of 100 kB, of a hundred answers of a megabyte, are held in ten megabytes and not in a hundred."""
    packed = wire.Found(hits=[_hit(number) for number in range(_RECORDS)]).SerializeToString()
    _kept(packed, 3)  # what is made once
    before = _resident_bytes()
    kept = _kept(packed, _ANSWERS)
    assert _resident_bytes() - before < 0.4 * _ANSWERS * len(packed)
    assert {each.record.key for each in kept} == {"0"}


def _kept(packed: bytes, count: int) -> list[Hit]:
    return [hits(wire.Found.FromString(packed), "here")[0] for _ in range(count)]


def _hit(number: int) -> wire.Hit:
    return wire.Hit(record=wire.Record(key=str(number), question="q" * _TEXT), similarity=1)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
