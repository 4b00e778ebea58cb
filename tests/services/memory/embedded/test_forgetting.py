"""What a log forgets, when, and who is told so."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tandem.memory.v1.memory_pb2 import Change, Judged, Use
from tandem_memory.backend import CursorTooOldError, Pruning
from tandem_memory.embedded import Embedded
from tandem_memory.store.disk.tables import Table

from tests.services.memory.driven import ALL, NAMESPACE, Clock, Driven, questions, record

KEPT = timedelta(days=30)
DAY = 86_400.0
KEEP_NONE = Pruning(among=ALL, keep_best=0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> Iterator[Driven]:
    driven = Driven(lambda: Embedded(tmp_path / "memory", now=clock, quiet_s=0.02, kept=KEPT))
    yield driven
    driven.close()


def count(memory: Driven, table: Table) -> int:
    backend: Any = memory.backend
    with backend._store.reading() as transaction:
        return transaction.count(table)


def used_bytes(memory: Driven) -> int:
    backend: Any = memory.backend
    with backend._store.reading() as transaction:
        return transaction.used_bytes()


def turns(memory: Driven, clock: Clock, days: int) -> list[int]:
    """Each day 20 records, a judgement of each under a key of its own, and a prune of all but the newest; pages used each evening."""
    used = list[int]()
    for day in range(days):
        clock.go(DAY)
        ids = memory.ids(*(record(f"{day}/{each}", key=f"{day}/{each}", score=day / 1000) for each in range(20)))
        memory.judge(*(Judged(id=identifier, gain=1, key=f"{day}/{identifier}" + "k" * 80) for identifier in ids))
        memory.prune(Pruning(among=ALL, keep_best=20))
        used.append(used_bytes(memory))
    return used


def test_a_store_of_which_as_much_is_removed_as_comes_does_not_grow(memory: Driven, clock: Clock) -> None:
    """Under append, judge and prune the pages in use level off once the first of it is old enough; and the store is sound."""
    used = turns(memory, clock, 100)
    assert used[20] > 1.3 * used[5], "what was removed and judged is kept as long as it must be"
    assert max(used[60:]) <= 1.1 * max(used[30:60])
    assert count(memory, Table.TOLD) <= 20 * 34
    assert count(memory, Table.CHANGES) <= 21 * 34
    assert memory.check() == (20, [])
    memory.again()
    assert memory.check() == (20, [])
    assert memory.stats().changes == 100 * 41 - 1


def test_a_judgement_is_known_again_for_as_long_as_it_is_kept(memory: Driven, clock: Clock) -> None:
    """Told again under its key within the time, also after a restart, it counts once; later it is a new one."""
    (a,) = memory.ids(record("a"))
    judged = Judged(id=a, gain=1, source="x", key="k")
    assert memory.judge(judged) == 1
    clock.go(29.9 * DAY)
    memory.append(record("b"))
    memory.again()
    assert memory.judge(judged) == 0
    clock.go(0.2 * DAY)
    memory.append(record("c"))
    assert memory.judge(judged) == 1
    assert memory.get(a)[0].use == Use(times=2, gain=2, by_source={"x": 2})


def aged(memory: Driven, clock: Clock) -> tuple[str, str]:
    """A memory that has forgotten: the record that is left, and a cursor from before."""
    a, b = memory.ids(record("a", score=1), record("b", score=0))
    watcher = memory.watch()
    watcher.changes(2)
    memory.judge(Judged(id=a, gain=0.5, source="x", key="1"), Judged(id=a, gain=0.25, source="y"))
    memory.prune(Pruning(among=ALL, keep_best=1))
    clock.go(31 * DAY)
    memory.append(record("c"), record("d"))
    memory.judge(Judged(id=a, gain=1, source="x", key="2"))
    assert count(memory, Table.TOLD) == 1
    assert memory.get(b) == []
    return a, watcher.cursor


def test_a_cursor_that_is_too_old_is_told_so(memory: Driven, clock: Clock) -> None:
    """Who would miss what is forgotten is told to begin anew, also after a restart; who has seen it goes on."""
    _, cursor = aged(memory, clock)
    for _ in range(2):
        with pytest.raises(CursorTooOldError, match="forgotten by now"):
            memory.watch(cursor).changes(1)
        memory.again()
    later = cursor.replace(".2", ".5")
    assert [each.WhichOneof("what") for each in memory.watch(later).changes(3)] == ["appended", "appended", "judged"]


def test_who_begins_anew_hears_what_is_there(memory: Driven, clock: Clock) -> None:
    """Records come with what they were judged and that is forgotten, then what is known; the sum is what the record has."""
    a, _ = aged(memory, clock)
    first, *others, last = memory.watch().changes(4)
    assert first.appended.id == a
    assert first.appended.use == Use(times=2, gain=0.75, by_source={"x": 1, "y": 1})
    assert [each.appended.question for each in others] == ["c", "d"]
    assert last == Change(judged=Judged(id=a, gain=1, source="x", key="2"))
    assert memory.get(a)[0].use == Use(times=3, gain=1.75, by_source={"x": 2, "y": 1})
    memory.prune(KEEP_NONE)
    assert memory.check() == (0, [])


def test_who_is_on_the_way_through_what_is_forgotten_goes_on(memory: Driven, clock: Clock) -> None:
    """A reader that began anew may break off in the midst, and go on from there; unless more was forgotten meanwhile."""
    memory.append(*(record(f"{number}", score=1) for number in range(300)))
    memory.append(record("last", score=1), record("gone", score=0))
    memory.prune(Pruning(among=ALL, keep_best=301))
    clock.go(31 * DAY)
    memory.append(record("new", score=1))
    watcher = memory.watch()
    first = watcher.changes(1)
    rest = memory.watch(watcher.cursor).changes(302 - len(first))
    assert [each.appended.question for each in (*first, *rest)] == [*map(str, range(300)), "last", "new"]
    memory.append(record("newer", score=0))
    memory.prune(Pruning(among=ALL, keep_best=302))
    clock.go(31 * DAY)
    memory.append(record("newest"))
    with pytest.raises(CursorTooOldError):
        memory.watch(watcher.cursor).changes(1)


def test_a_reader_that_stays_away_for_too_long_is_told_so(memory: Driven, clock: Clock) -> None:
    """Also one that is connected, and does not come for what it was told."""
    memory.append(record("a"))
    watcher = memory.watch()
    watcher.changes(1)
    memory.prune(KEEP_NONE)
    memory.append(record("b"))
    clock.go(31 * DAY)
    memory.append(record("c"))
    with pytest.raises(CursorTooOldError):
        watcher.changes(2)


def test_a_snapshot_of_an_index_that_is_too_old_is_not_gone_on_from(
    memory: Driven, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was removed since is not known any more, so the index is built from the records that are there."""
    caplog.set_level("INFO", "tandem_memory")
    memory.append(record("a"), record("b"))
    memory.again()  # with a snapshot
    monkeypatch.setattr("tandem_memory.embedded.upkeep._CLOSING_S", 0.0)  # and no further one
    memory.prune(KEEP_NONE)
    memory.append(record("c"))
    clock.go(31 * DAY)
    memory.append(record("d"))
    memory.again()
    assert questions([near.record for near in memory.search((1, 0, 0, 0))]) == ["c", "d"]
    assert memory.check() == (2, [])
    assert "forgotten" in caplog.text


def test_an_empty_log_goes_on_where_it_was(memory: Driven, clock: Clock) -> None:
    """No position is given twice, though all that was there is removed and as good as all of that forgotten."""
    ids = set(memory.ids(*(record() for _ in range(50))))
    for _ in range(5):
        memory.prune(KEEP_NONE)
        clock.go(31 * DAY)
        memory.again()
        new = set(memory.ids(record(), record()))
        assert not new & ids
        ids |= new
    assert memory.run(memory.backend.namespaces())[0].name == NAMESPACE
