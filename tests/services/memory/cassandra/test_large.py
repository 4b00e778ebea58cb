"""Records that are too large for a row: what is there while their pieces go, and who does without them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tandem.memory.v1.memory_pb2 import Filter, Judged, Record
from tandem_memory.backend import CursorTooOldError, Pruning
from tandem_memory.cassandra.answers import writing
from tandem_memory.cassandra.log import pieces
from tandem_memory.cassandra.log.entries import Entry
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Place

from tests.services.memory.driven import ALL, NAMESPACE, Driven, questions, record

pytestmark = pytest.mark.xdist_group("cassandra")


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_PIECE", 10_000)


def large(question: str, **fields: Any) -> Record:
    return record(question, key=question, answer="a" * 40_000, **fields)


def lose(memory: Driven, identifier: str, part: int) -> None:
    """Take away the first of a record's pieces, one `part`th of them, as its removal does."""
    shelf, place = memory.run(memory.backend._shelf(NAMESPACE)), Place.parsed(identifier)
    entry = memory.run(shelf.log.at([place]))[place]
    memory.run(shelf.log.forget_pieces([replace(entry, size=entry.size // part)]))


@pytest.mark.usefixtures("_small_pieces")
def test_a_record_without_its_pieces_is_gone(memory: Driven) -> None:
    """Whoever read its row before it was removed finds nothing, not a part of it; all behind it is there, and its key is free.

    A check tells of it, for no removal was booked.
    """
    ids = memory.ids(record("before"), large("all"), large("some"), record("behind"))
    lose(memory, ids[1], 1)
    lose(memory, ids[2], 4)
    for found in (memory.get(*ids), memory.scan(), memory.export(), [near.record for near in memory.search((1, 0, 0, 0))]):
        assert questions(found) == ["before", "behind"]
    assert [change.appended.question for change in memory.watch().changes(2)] == ["before", "behind"]
    records, findings = memory.check()
    assert (records, [finding.where for finding in findings]) == (2, [f"log {each}" for each in ids[1:3]])
    assert [each.known for each in memory.append(large("all"))] == [False]
    memory.again()
    assert questions(memory.scan()) == ["before", "behind", "all"]


@pytest.mark.usefixtures("_small_pieces")
def test_a_judgement_without_its_pieces_is_forgotten(memory: Driven) -> None:
    """A watcher that comes to it is told so, and a check tells of it, for it is not old enough for that."""
    (judged,) = memory.ids(record("judged"))
    assert memory.judge(Judged(id=judged, gain=1, source="s" * 40_000)) == 1
    place = Place(Place.parsed(judged).writer, 2)
    lose(memory, str(place), 4)
    with pytest.raises(CursorTooOldError):
        memory.watch().changes(2)
    records, findings = memory.check()
    assert (records, [finding.where for finding in findings]) == (1, [f"log {place}"])


def test_texts_are_not_read_to_judge_and_to_remove(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the judged not at all; a removal looks through a page at a time and keeps none, and looks up again a part at a time."""
    monkeypatch.setattr(writing, "_AT_ONCE", 2, raising=False)
    read, looked = list[Place](), list[int]()
    reading, looking = pieces.Pieces._read, Log.kinds

    async def counted(self: Any, entry: Entry) -> bytes:
        read.append(entry.place)
        return await reading(self, entry)

    async def sized(self: Any, places: Iterable[Place], **how: bool) -> Any:
        looked.append(len(asked := list(places)))
        return await looking(self, asked, **how)

    ids = memory.ids(*(large(f"{number}", score=number) for number in range(5)), large("best", score=9))
    monkeypatch.setattr(pieces.Pieces, "_read", counted)
    monkeypatch.setattr(Log, "kinds", sized)
    assert memory.judge(*(Judged(id=each, gain=1) for each in ids)) == 6
    assert read == []
    looked.clear()
    gone = memory.prune(Pruning(among=Filter(), keep_best=1))
    assert (list(gone.ids), gone.kept, looked) == (ids[:5], 1, [2, 2, 1])
    assert [str(place) for place in read] == ids
    monkeypatch.undo()
    assert questions(memory.export(ALL)) == ["best"]
    assert [each.known for each in memory.append(*(large(f"{number}") for number in range(5)))] == [False] * 5
    assert memory.check() == (6, [])
