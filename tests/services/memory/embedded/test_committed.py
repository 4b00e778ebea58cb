"""What is told of groups that became durable."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import lmdb
import pytest
from tandem.memory.v1.memory_pb2 import Judged
from tandem_memory.backend import DimensionError, Pruning, StoreUnsureError
from tandem_memory.embedded import Embedded
from tandem_memory.store import Append

from tests.services.memory.driven import ALL, NAMESPACE, Driven, record


def test_each_group_is_told_with_its_new_records(tmp_path: Path) -> None:
    """What waited together is one; what was known or refused counts for nothing."""
    told = list[tuple[int, float]]()

    async def deed() -> None:
        memory = Embedded(tmp_path, committed=lambda records, seconds: told.append((records, seconds)))
        await memory.append(NAMESPACE, [record("a", key="a"), record("b", key="b")], embedding="caller")
        await memory.append(NAMESPACE, [record("a", key="a")], embedding="caller")
        with pytest.raises(DimensionError):
            await memory.append(NAMESPACE, [record("c", near=(1, 2))], embedding="caller")
        await asyncio.gather(*(memory.append(NAMESPACE, [record(f"{n}")], embedding="caller") for n in range(50)))
        await memory.close()

    asyncio.run(deed())
    assert [records for records, _ in told[:3]] == [2, 0, 0]
    assert sum(records for records, _ in told) == 52
    assert len(told) < 50
    assert all(seconds > 0 for _, seconds in told)


def test_writers_who_come_again_share_a_sync(tmp_path: Path) -> None:
    """Also if each takes half of one to come again; taking turns, each would wait for two of them."""
    told, slow_s = list[int](), 0.04

    def committed(records: int, _: float) -> None:
        told.append(records)
        time.sleep(slow_s)

    async def deed() -> None:
        memory = Embedded(tmp_path, committed=committed)

        async def write(name: str) -> None:
            for number in range(8):
                await memory.append(NAMESPACE, [record(f"{name} {number}")], embedding="caller")
                await asyncio.sleep(slow_s / 2)

        async with asyncio.TaskGroup() as group:
            group.create_task(write("a"))
            await asyncio.sleep(slow_s / 2)  # so that they begin apart
            group.create_task(write("b"))
        await memory.close()

    asyncio.run(deed())
    assert told.count(2) >= 3


class Held:
    """A job that nothing comes of, and that keeps the committer until `let_go` is set: what is handed in meanwhile is one group."""

    weight_bytes, leaves_bytes = 0, 0

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def apply(self, _: object) -> None:
        self.begun.set()
        assert self.let_go.wait(60)


class NotSynced:
    """LMDB's environment on a disk that breaks off, so many times, what is made sure of behind a commit."""

    def __init__(self, environment: Any, times: int) -> None:
        self._environment, self._left = environment, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def sync(self, *said: Any) -> None:
        self._left -= 1
        if self._left >= 0:
            raise lmdb.DiskError("mdb_env_sync")  # noqa: EM101 - LMDB's own words
        self._environment.sync(*said)


def test_a_group_that_may_not_last_is_not_written_again(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records and judgements without a key are there once, and each of their callers is told; so is who watches, and who is refused."""
    (judged,) = memory.ids(record("before"))
    backend: Any = memory.backend
    environment = backend._store._environment

    async def written() -> list[Any]:
        held = Held()
        waiting = asyncio.create_task(backend._committer.do(held))
        assert await asyncio.to_thread(held.begun.wait, 60)
        with monkeypatch.context() as patched:
            patched.setattr(environment, "_redo", None)
            patched.setattr(environment, "_held", NotSynced(environment._held, 9))
            appends = [asyncio.create_task(memory.backend.append(NAMESPACE, [record(f"{n}")], embedding="caller")) for n in range(3)]
            narrow = Append(namespace=NAMESPACE, records=[record(near=(1,))], embedding="caller")
            refused = asyncio.create_task(backend._committer.do(narrow))
            judges = [asyncio.create_task(memory.backend.judge(NAMESPACE, [Judged(id=judged, gain=1)])) for _ in range(3)]
            await asyncio.sleep(0)
            held.let_go.set()
            return await asyncio.gather(refused, waiting, *appends, *judges, return_exceptions=True)

    watcher = memory.watch(only_new=True)
    assert watcher.silent()
    refused, _, *done = memory.run(written())
    assert isinstance(refused, DimensionError)
    assert [type(each) for each in done] == [StoreUnsureError] * 6
    assert len(watcher.changes(6)) == 6
    assert [each.question for each in memory.scan()] == ["before", "0", "1", "2"]
    assert memory.get(judged)[0].use.times == 3
    assert memory.check() == (4, [])


def test_a_removal_that_may_not_last_is_told_at_once(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer records it would go well, and those that are gone by now would not be told."""
    memory.append(record("a"), record("b"))
    environment = memory.backend._store._environment
    with monkeypatch.context() as patched:
        patched.setattr(environment, "_redo", None)
        patched.setattr(environment, "_held", NotSynced(environment._held, 1))
        with pytest.raises(StoreUnsureError):
            memory.prune(Pruning(among=ALL, keep_best=1))
    assert len(memory.scan()) == 1
