"""Short looks are made at once, long ones in a thread; how long one takes is told by those before."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter
from tandem_memory.embedded.lately import Lately
from tandem_memory.embedded.readings import Readings
from tandem_memory.index import Index

from tests.services.memory.driven import ALL, NAMESPACE, Driven, record

MANY = 40  # after so many even the first one's long way through a library that had to be loaded is forgotten
QUERY = np.array([[1, 0, 0, 0]], np.float32)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that looked at an index, in their order."""
    threads: list[str] = []
    search = Index.search

    def noted(self: Index, *asked: Any) -> Any:
        threads.append(threading.current_thread().name)
        return search(self, *asked)

    monkeypatch.setattr(Index, "search", noted)
    return threads


def search(memory: Driven, wanted: Filter = ALL, *, vectors: bool = False) -> list[str]:
    (found,) = memory.run(memory.backend.search(NAMESPACE, QUERY, 1, wanted, vectors=vectors))
    return [near.record.question for near in found]


def test_a_short_look_is_made_at_once(memory: Driven, looked: list[str]) -> None:
    """Once it is known for that; and it finds the same, also with a vector, which is not at hand."""
    memory.append(record("a"))
    assert [search(memory) for _ in range(MANY)] == [["a"]] * MANY
    assert search(memory, vectors=True) == ["a"]
    assert looked[0].startswith("memory-reader")
    assert looked[-2:] == [memory.run(_here())] * 2
    search(memory, Filter(sources=["s"]))  # another kind
    assert looked[-1].startswith("memory-reader")


async def _here() -> str:
    return threading.current_thread().name


def test_what_is_not_at_hand_is_read_in_a_thread(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk keeps nobody waiting but who asked."""
    memory.append(record("a"))
    read: list[str] = []
    near = Readings.near

    def noted(self: Readings, *asked: Any, **how: Any) -> Any:
        read.append(threading.current_thread().name)
        return near(self, *asked, **how)

    monkeypatch.setattr(Readings, "near", noted)
    for _ in range(MANY):
        search(memory)
    read.clear()
    assert search(memory) == ["a"]
    assert read == []  # it is at hand
    assert search(memory, vectors=True) == ["a"]
    (name,) = read
    assert name.startswith("memory-reader")


def test_what_takes_long_is_not_short() -> None:
    """Nor are many short ones together; and what has become short again is known as that after a while."""
    lately = Lately()
    assert not lately.short("a", 1)  # nothing is known of it
    with lately.apart("a", 1):
        pass
    assert lately.short("a", 1)
    assert not lately.short("a", 10**9)
    with lately.at_once("a", 1):
        time.sleep(0.05)  # whatever it waited for
    assert not lately.short("a", 1)
    for _ in range(30):
        with lately.apart("a", 1):
            pass
    assert lately.short("a", 1)


def test_a_thread_that_waited_did_nothing_long() -> None:
    """Else who once waits for the interpreter would do so for ever."""
    lately = Lately()
    with lately.apart("a", 1):
        time.sleep(0.05)
    assert lately.short("a", 1)


def test_kinds_are_forgotten() -> None:
    """Filters are as many as callers think of."""
    lately = Lately()
    for kind in range(1000):
        with lately.apart(kind, 1):
            pass
    assert not lately.short(0, 1)
    assert lately.short(999, 1)
