"""What a search found, as values."""

from collections.abc import Callable, Sequence

import pytest
from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory.client import Hit
from tandem_memory.client.answers import hits, only_hits

from tests.resident import resident_bytes

_ANSWERS = 100  # of a megabyte each


def _of_one(packed: bytes) -> Sequence[Hit]:
    return only_hits(wire.SearchResponse.FromString(packed), "here")


def _of_the_first(packed: bytes) -> Sequence[Hit]:
    return hits(wire.SearchResponse.FromString(packed).found[0], "here")


@pytest.mark.parametrize(("queries", "read"), [(1, _of_one), (32, _of_the_first)])
def test_who_keeps_a_record_of_each_large_answer_keeps_no_answers(queries: int, read: Callable[[bytes], Sequence[Hit]]) -> None:
    """A hundred records of a hundred answers of a megabyte are held in what they need, whether one query was answered so or several."""
    text = "q" * (1_000_000 // (10 * queries))
    found = wire.Found(hits=[wire.Hit(record=wire.Record(key=str(number), question=text), similarity=1) for number in range(10)])
    packed = wire.SearchResponse(found=[found] * queries).SerializeToString()
    read(packed)  # what is made once
    before = resident_bytes()
    kept = [read(packed)[0] for _ in range(_ANSWERS)]
    assert resident_bytes() - before < 0.4 * _ANSWERS * len(packed)
    assert {(each.record.key, each.record.question) for each in kept} == {("0", text)}
