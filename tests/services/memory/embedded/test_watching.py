"""What watchers cost: one reading of the log for all who are at its end, and nothing for those who do not come."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem.memory.v1.memory_pb2 import Change
from tandem_memory.backend import News, Pruning
from tandem_memory.embedded import Embedded
from tandem_memory.embedded.readings import Readings

from tests.services.memory.driven import ALL, NAMESPACE, Driven, record


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Driven]:
    driven = Driven(lambda: Embedded(tmp_path / "memory", quiet_s=60))
    yield driven
    driven.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many changes each reading of the log gave."""
    counts: list[int] = []
    stretch = Readings._stretch

    def counted(self: Readings, namespace: object, after: int, *, vectors: bool) -> object:
        found = stretch(self, namespace, after, vectors=vectors)
        counts.append(len(found.changes))
        return found

    monkeypatch.setattr(Readings, "_stretch", counted)
    return counts


def test_many_live_readers(memory: Driven, read: list[int]) -> None:
    """32 readers at the end of the log hear of every record in its order, and the log is read once for all of them each time."""
    memory.append(record("first"))

    async def reader(until: int) -> list[Change]:
        seen: list[Change] = []
        async for news in memory.backend.watch(NAMESPACE, "", ALL, only_new=True, vectors=False):
            seen += news.changes
            if len(seen) == until:
                return seen
        raise AssertionError

    async def scene() -> list[list[Change]]:
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(reader(20)) for _ in range(32)]
            await asyncio.sleep(0)
            for number in range(20):
                await memory.backend.append(NAMESPACE, [record(str(number))], embedding="caller")
        return [each.result() for each in readers]

    for seen in memory.run(scene()):
        assert [each.appended.question for each in seen] == [str(number) for number in range(20)]
    assert len(read) <= 40  # not 640; readers that were woken while more came read on from where they are


def test_the_place_comes_first(memory: Driven) -> None:
    """Who wants only what is new knows at once what to go on from: what comes while the connection is broken is not missed."""
    memory.append(record("old"))
    watcher = memory.watch(only_new=True)
    assert watcher.silent()
    memory.append(record("while it was broken"))
    (change,) = memory.watch(watcher.cursor).changes(1)
    assert change.appended.question == "while it was broken"


def test_a_slow_reader(memory: Driven, read: list[int]) -> None:
    """A reader that does not come is not read for; when it comes it is given a part at a time, to the end, without a gap."""
    watching = memory.backend.watch(NAMESPACE, "", ALL, only_new=False, vectors=False)

    async def part() -> News:
        return await anext(watching)

    memory.append(record("0"))
    seen = list(memory.run(part()).changes)
    for number in range(20):
        memory.append(*(record(str(1 + 100 * number + each)) for each in range(100)))
    assert sum(read) == 1
    while len(seen) < 2001:
        changes = memory.run(part()).changes
        assert 0 < len(changes) <= 256
        seen += changes
    assert [each.appended.question for each in seen] == list(map(str, range(2001)))


def test_large_records_in_small_parts(memory: Driven, read: list[int]) -> None:
    """A part ends after a mebibyte, so that a reader holds a large record at most beside it."""
    memory.append(*(record(str(number), answer="x" * (1 << 20)) for number in range(5)))
    watcher = memory.watch()
    assert len(watcher.changes(5)) == 5
    assert read == [1] * 5


def test_a_large_removal(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal of many is told in several changes that fit a message, and is done as one."""
    monkeypatch.setattr("tandem_memory.store.jobs._IDS_A_CHANGE", 4)
    ids = memory.ids(*(record(str(number), score=number / 10) for number in range(10)))
    watcher = memory.watch(only_new=True)
    memory.prune(Pruning(among=ALL, keep_best=1))
    told = [list(each.pruned.ids) for each in watcher.changes(3)]
    assert [len(each) for each in told] == [4, 4, 1]
    assert [each for part in told for each in part] == ids[:9]
    memory.again()
    assert memory.check() == (1, [])
    assert memory.stats().changes == 13
