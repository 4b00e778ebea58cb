"""Jobs that wait become durable together, or are refused each for itself."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from tandem.memory.v1.memory_pb2 import Judged
from tandem_memory.backend import CursorError, DimensionError, StoreFullError, UnknownNamespaceError
from tandem_memory.embedded.committer import Committer
from tandem_memory.store import Committed, Judge, Store

from tests.services.memory.driven import record

from .conftest import OpenStore
from .jobs import NAMESPACE, append, commit, held


class Counted(Store):
    """Counts groups, which are syncs of the disk; the first waits until it is let go."""

    def __init__(self, store: Store) -> None:
        self.__dict__ = store.__dict__
        self.groups: list[int] = []
        self.begun, self.let_go = threading.Event(), threading.Event()

    def commit(self, jobs: Sequence[Any]) -> Committed:
        self.groups.append(len(jobs))
        self.begun.set()
        self.let_go.wait(60)
        return super().commit(jobs)


class Deaf:
    """An index that keeps nothing."""

    def learn(self, effects: object) -> None:
        """Nothing."""

    def catch_up(self) -> None:
        """Nothing."""


async def at_once(committer: Committer, store: Counted, *jobs: Any) -> list[Any]:
    """One job first; then, while that is on its way, the others."""
    answers = [asyncio.create_task(committer.do(jobs[0]))]
    await asyncio.to_thread(store.begun.wait)
    answers += [asyncio.create_task(committer.do(job)) for job in jobs[1:]]
    await asyncio.sleep(0)
    store.let_go.set()
    return await asyncio.gather(*answers, return_exceptions=True)


def played(store: Counted, *jobs: Any) -> list[Any]:
    async def scene() -> list[Any]:
        committer = Committer(store, (Deaf(),), lambda _: None)
        answers = await at_once(committer, store, *jobs)
        await asyncio.to_thread(committer.close)
        return answers

    return asyncio.run(scene())


def test_one_sync_for_all_who_wait(open_store: OpenStore) -> None:
    """While one group is on its way to the disk, all that come wait for the next: 101 appends are two syncs."""
    store = Counted(open_store())
    answers = played(store, *(append(record(key=str(number))) for number in range(101)))
    assert store.groups == [1, 100]
    assert [each.id for answer in answers for each in answer] == [str(number) for number in range(1, 102)]


def test_a_refusal_is_nobody_elses(open_store: OpenStore) -> None:
    """Of a group, those that are refused hear why, and the others are done; positions have no gap."""
    store = Counted(open_store())
    jobs = (
        append(record(key="a")),
        append(record(key="b"), record(key="c", near=(1, 2))),
        Judge(namespace="unknown", judged=[Judged(id="1", gain=1)]),
        Judge(namespace=NAMESPACE, judged=[Judged(id="1", gain=1), Judged(id="99", gain=1)]),
        append(record(key="d")),
    )
    first, wrong, unknown, never, last = played(store, *jobs)
    assert store.groups == [1, 4]
    assert (first[0].id, last[0].id) == ("1", "2")
    assert isinstance(wrong, DimensionError)
    assert isinstance(unknown, UnknownNamespaceError)
    assert isinstance(never, CursorError)
    assert held(open_store()) == ["a", "d"]


def test_a_job_that_breaks_a_group(open_store: OpenStore) -> None:
    """When a group fails for a reason that nobody foresaw, only the job that it is about does."""

    class Broken:
        weight_bytes, leaves_bytes = 1, 0

        def apply(self, draft: object) -> None:
            raise ZeroDivisionError(draft)

    answers = played(Counted(open_store()), append(record(key="a")), append(record(key="b")), Broken(), append(record(key="c")))
    assert isinstance(answers[2], ZeroDivisionError)
    assert held(open_store()) == ["a", "b", "c"]


def test_a_group_is_all_or_nothing(open_store: OpenStore) -> None:
    """What a group wrote before it failed is not there."""
    store = open_store()
    commit(store, append(record(key="a")))

    class Broken:
        weight_bytes, leaves_bytes = 1, 0

        def apply(self, draft: object) -> None:
            raise StoreFullError(draft)

    with pytest.raises(StoreFullError):
        store.commit([append(record(key="b")), Broken()])
    assert held(store) == ["a"]
    assert commit(store, append(record(key="c")))[0][0].id == "2"
    assert held(open_store()) == ["a", "c"]


def test_who_was_answered_is_waited_for(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers that come again and again do not fall apart into groups that take turns; a lone one waits for nobody."""
    # What syncs in milliseconds waits for seconds then: longer than a writer may be held up by all that a machine does beside.
    monkeypatch.setattr("tandem_memory.embedded.committer._PATIENCE", 1000)
    monkeypatch.setattr("tandem_memory.embedded.committer._PATIENCE_S", 60)
    store = Counted(open_store())
    store.let_go.set()

    async def scene() -> None:
        committer = Committer(store, (Deaf(),), lambda _: None)

        async def writer(number: int) -> None:
            for turn in range(10):
                await committer.do(append(record(key=f"{number}/{turn}")))
                await asyncio.sleep(0.002 * number)

        await writer(0)
        assert store.groups == [1] * 10
        store.groups.clear()
        await asyncio.gather(*(writer(number) for number in range(1, 5)))
        await asyncio.to_thread(committer.close)

    asyncio.run(asyncio.wait_for(scene(), 300))
    assert sum(store.groups) == 40
    assert store.groups.count(4) >= 9


def test_what_waits_at_the_end(open_store: OpenStore) -> None:
    """Closing does all that waits before it ends; what comes after that is refused, not left to wait for ever."""
    store = Counted(open_store())

    async def scene() -> None:
        committer = Committer(store, (Deaf(),), lambda _: None)
        answers = [asyncio.create_task(committer.do(append(record(key=str(number))))) for number in range(20)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(committer.close))
        store.let_go.set()
        await asyncio.gather(closing, *answers)
        with pytest.raises(RuntimeError, match="closing"):
            await committer.do(append(record(key="late")))

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert held(open_store()) == [str(number) for number in range(20)]
