"""A memory that was brought back from a copy, beside what came to be after the copy was taken."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tandem.memory.v1.memory_pb2 import Change, Judged
from tandem_memory.backend import CursorError, Pruning
from tandem_memory.embedded import Embedded
from tandem_memory.moves import backup
from tandem_memory.moves.restoring import restored
from tandem_memory.store import LOG, Store

from tests.services.memory.driven import ALL, Driven, questions, record

Back = Callable[[], Driven]


@pytest.fixture
def copied(memory: Driven, tmp_path: Path) -> str:
    """A copy at position 3 of a memory that goes on."""
    memory.append(record("one", key="1"), record("two"), record("three"))
    return memory.run(backup.made(memory.backend, (tmp_path / "copies").as_uri(), tmp_path, {})).uri


@pytest.fixture
def back(copied: str, tmp_path: Path) -> Iterator[Back]:
    """Brings the copy back, into another folder each time."""
    opened: list[Driven] = []

    def another() -> Driven:
        folder = tmp_path / f"back {len(opened)}"
        restored(copied, folder, {})
        opened.append(Driven(lambda: Embedded(folder, quiet_s=0.01)))
        return opened[-1]

    yield another
    for each in opened:
        each.close()


def test_no_id_is_given_twice(memory: Driven, back: Back) -> None:
    """What is told of a record that was lost, or that only another copy took in, is booked on none; what is there keeps its id."""
    lost = memory.ids(record("lost"), record("lost, too"))
    first, second = back(), back()
    others = first.ids(*(record(f"of the first {number}") for number in range(5)))
    ids = second.ids(record("kept", key="4"), record("one", key="1"))
    assert ids[1] == "1"
    assert second.judge(*(Judged(id=each, gain=-1) for each in (*lost, *others))) == 0
    assert second.get(*lost, *others) == []
    assert second.judge(Judged(id="1", gain=1), Judged(id=ids[0], gain=1)) == 2
    assert second.prune(Pruning(among=ALL, harmful_after=1)).ids == []
    assert questions(second.get("1", "2", "3", ids[0])) == ["one", "two", "three", "kept"]


def test_nothing_is_there_to_be_served_before_it_gives_other_ids(copied: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it ends; and what is left of one that was killed is in nobody's way."""
    folder, begin_again, seen = tmp_path / "late", Store.begin_again, list[bool]()

    def watched(self: Store) -> None:
        seen.append((folder / LOG).exists())
        if len(seen) == 1:
            raise KeyboardInterrupt
        begin_again(self)

    monkeypatch.setattr(Store, "begin_again", watched)
    with pytest.raises(KeyboardInterrupt):
        restored(copied, folder, {})
    assert not folder.exists()
    (folder / ".restoring" / LOG).mkdir(parents=True)
    (folder / ".restoring" / LOG / "data.mdb").write_bytes(b"the beginning of a file")
    restored(copied, folder, {})
    assert [each.name for each in folder.iterdir()] == [LOG]
    assert seen == [False, False]


def test_a_cursor_of_the_original_is_refused(memory: Driven, back: Back) -> None:
    """As one of another memory is; who begins without one is told all that is there, and goes on from any place in it."""
    memory.append(record("lost"), record("lost, too"))
    watcher = memory.watch()
    watcher.changes(5)
    again = back()
    again.append(record("four"), record("five"))
    with pytest.raises(CursorError, match="begin without one"):
        again.watch(watcher.cursor)
    anew = again.watch()
    assert _questions(anew.changes(5)) == ["one", "two", "three", "four", "five"]
    again.append(record("six"))
    assert _questions(again.watch(anew.cursor).changes(1)) == ["six"]


def test_a_live_watcher_of_what_was_restored(back: Back) -> None:
    """Who has read to the end of the copy hears of what comes, once and without a gap, also over a start of the service."""
    again = back()
    watcher = again.watch()
    assert _questions(watcher.changes(3)) == ["one", "two", "three"]
    assert watcher.silent()
    again.append(record("four"))
    assert _questions(watcher.changes(1)) == ["four"]
    cursor = watcher.cursor
    again.again()
    again.append(record("five"))
    assert _questions(again.watch(cursor).changes(1)) == ["five"]


def test_what_was_restored_is_whole(back: Back, added: list[int]) -> None:
    """A check finds nothing, no change is counted that never was, and its index is saved, as that of any other."""
    again = back()
    ids = again.ids(record("four", near=(0, 1, 0, 0)))
    again.judge(Judged(id=ids[0], gain=1))
    assert again.check() == (4, [])
    assert again.stats().changes == 5
    again.again()
    added.clear()
    again.again()
    assert added == []
    assert questions([near.record for near in again.search((0, 1, 0, 0), 1)]) == ["four"]


def _questions(changes: list[Change]) -> list[str]:
    return [each.appended.question for each in changes]
