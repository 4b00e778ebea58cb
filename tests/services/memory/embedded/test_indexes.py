"""Indexes beside the log: while they take in, and when they cannot."""

import asyncio
import threading
from typing import Any

import pytest
from tandem_memory.index import Index

from tests.services.memory.driven import NAMESPACE, Driven, questions, record


def test_a_namespace_that_has_just_begun(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its first records are on their way into its index, all others are told of as ever."""
    memory.append(record("a"))
    begun, go_on = threading.Event(), threading.Event()
    add = Index.add

    def slowly(self: Index, *arguments: Any) -> None:
        begun.set()
        go_on.wait(300)
        add(self, *arguments)

    monkeypatch.setattr(Index, "add", slowly)

    async def names() -> list[str]:
        return [each.name for each in await memory.backend.namespaces()]

    async def scene() -> list[str]:
        appending = asyncio.create_task(memory.backend.append("new", [record("b")], embedding="caller"))
        await asyncio.to_thread(begun.wait, 300)
        try:
            return await names()
        finally:
            go_on.set()
            await appending

    assert memory.run(scene()) == [NAMESPACE]
    assert memory.run(names()) == ["new", NAMESPACE]


def test_an_index_that_fails_again(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one index cannot be built anew, nothing is acknowledged; afterwards all that is durable is found, in every namespace."""
    memory.append(record("a"))
    memory.append(record("b"), namespace="broken")
    with monkeypatch.context() as broken:
        broken.setattr(Index, "add", lambda *_: (_ for _ in ()).throw(MemoryError("no memory")))
        for namespace in ("broken", NAMESPACE):
            with pytest.raises(MemoryError):
                memory.append(record("late", near=(1, 1, 0, 0), key="late"), namespace=namespace)
    for namespace, first in ((NAMESPACE, "a"), ("broken", "b")):
        assert memory.append(record("late", key="late"), namespace=namespace)[0].known
        found = memory.search((1, 0, 0, 0), namespace=namespace)
        assert questions([near.record for near in found]) == [first, "late"]
    assert memory.check() == (4, [])


def test_an_index_that_could_not_be_arranged(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is searched as it is, and arranged when more has come: what kept it from that may have passed."""
    monkeypatch.setattr("tandem_memory.embedded.upkeep._LEAST_CHANGES", 10)
    tried = threading.Semaphore(0)

    def upkeep(_: Index) -> bool:
        tried.release()
        raise MemoryError

    monkeypatch.setattr(Index, "upkeep", upkeep)
    memory.append(record("a"))
    assert tried.acquire(timeout=300)
    memory.append(*(record(str(number), near=(1, 1, 0, 0)) for number in range(10)))
    assert tried.acquire(timeout=300)
    assert len(memory.search((1, 0, 0, 0), 20)) == 11
