"""Records that were found lately: never other than the log has them, and never more than there is room for."""

import pytest
from tandem.memory.v1.memory_pb2 import Judged, Use
from tandem_memory.backend import Pruning
from tandem_memory.embedded.recalled import Recalled
from tandem_memory.store import Gone, Namespace, Used

from tests.services.memory.driven import ALL, Driven, record

NAMESPACE = Namespace(name="n", number=1, identity="i", dimension=4, embedding="caller", created_at="2026-01-01T00:00:00+00:00")
QUERY = (1, 0, 0, 0)


def test_what_is_found_again_is_what_is_kept(memory: Driven) -> None:
    """Field by field as Get has it: at the first time, from memory, and where some are in memory and some are not."""
    ids = memory.ids(*(record(f"question {number}", near=(1, number, 0, 0), tags=["t"] * number, score=0.5) for number in range(4)))
    for k in (2, 2, 4, 4):
        found = memory.search(QUERY, k)
        assert [near.record for near in found] == list(memory.get(*ids[:k]))
        assert [near.similarity for near in found] == sorted((near.similarity for near in found), reverse=True)


def test_a_judgement_is_found_at_once(memory: Driven) -> None:
    """Whoever was told that it is booked finds it, each time, though the record was found before."""
    (identifier,) = memory.ids(record())
    for times in range(3):
        assert [near.record.use for near in memory.search(QUERY)] == [Use(times=times, gain=times, by_source={"s": times} if times else {})]
        assert memory.judge(Judged(id=identifier, gain=1, source="s")) == 1


def test_a_removed_record_is_not_found(memory: Driven) -> None:
    """Whatever was found before."""
    memory.append(record("stays", score=1), record("goes", score=0))
    assert len(memory.search(QUERY)) == 2
    memory.prune(Pruning(among=ALL, keep_best=1))
    assert [near.record.question for near in memory.search(QUERY)] == ["stays"]


@pytest.mark.parametrize(
    "effect", [Used(namespace=NAMESPACE, position=1, times=1, gain=1), Gone(namespace=NAMESPACE, positions=(1,)), None]
)
def test_what_was_read_before_a_change_is_not_taken_after_it(effect: Used | Gone | None) -> None:
    """Nor is what was there kept; a change that nobody tells of drops everything."""
    recalled = Recalled()
    recalled.keep(1, {1: b"as it was", 2: b"other"}, recalled.of(1, ())[1])
    _, changes = recalled.of(1, (1,))
    recalled.learn([effect]) if effect else recalled.catch_up()
    recalled.keep(1, {1: b"as it was"}, changes)
    assert recalled.of(1, (1, 2))[0] == ({2: b"other"} if effect else {})


def test_there_is_room_for_so_much() -> None:
    """What is asked for stays, what is not goes, and what is large is not taken in."""
    recalled, size = Recalled(most_bytes=64 << 10), 1 << 10
    for number in range(1000):
        known, changes = recalled.of(1, (0, number))
        assert number == 0 or 0 in known
        recalled.keep(1, {position: bytes(size) for position in (0, number) if position not in known}, changes)
    recalled.keep(2, {1: bytes(1 << 20)}, recalled.of(2, ())[1])
    assert not recalled.of(2, (1,))[0]
    assert recalled.of(1, (999,))[0]
    assert len(recalled.of(1, range(1000))[0]) <= 64 + 1
