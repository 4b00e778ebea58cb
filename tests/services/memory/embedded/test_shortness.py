"""Short looks are made at once, long ones in a thread; how long one takes is told by those before."""

import threading
from typing import Any

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter
from tandem_memory.embedded.readings import Readings
from tandem_memory.embedded.shortness import Shortness
from tandem_memory.index import Index

from tests.services.memory.driven import ALL, NAMESPACE, Driven, record

QUERY = np.array([[1, 0, 0, 0]], np.float32)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Kinds whose looks are short, in place of what clocks say of them."""
    kinds = set[int]()
    monkeypatch.setattr(Shortness, "short", lambda _, kind, __: kind[-1] in kinds)
    return kinds


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


def test_a_short_look_is_made_at_once(memory: Driven, short: set[int], looked: list[str]) -> None:
    """Once what matches is at hand; and so it is whatever question is to be left out, which is another for each search."""
    memory.append(record("a"))
    short.add(Index(4).kind(ALL))
    here = memory.run(_here())
    asked = [ALL, ALL, Filter(not_source_hash="x"), Filter(not_source_hash="y"), Filter(sources=["s"])]
    assert [search(memory, wanted) for wanted in asked] == [["a"]] * 4 + [[]]
    assert [name == here for name in looked] == [False, True, True, True, False]


async def _here() -> str:
    return threading.current_thread().name


def test_what_is_not_at_hand_is_read_in_a_thread(memory: Driven, short: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk keeps nobody waiting but who asked."""
    memory.append(record("a"))
    short.add(Index(4).kind(ALL))
    read: list[str] = []
    near = Readings.near

    def noted(self: Readings, *asked: Any, **how: Any) -> Any:
        read.append(threading.current_thread().name)
        return near(self, *asked, **how)

    monkeypatch.setattr(Readings, "near", noted)
    assert search(memory) == ["a"]
    assert search(memory) == ["a"]  # the record is at hand
    assert search(memory, vectors=True) == ["a"]  # and its vector is not
    assert [name.startswith("memory-reader") for name in read] == [True, True]


class Clocks:
    """Time that passes, and time in which a thread works."""

    def __init__(self) -> None:
        self.now = self.worked = 0.0

    def shortness(self) -> Shortness:
        return Shortness(clock=lambda: self.now, work_clock=lambda: self.worked)


def test_what_takes_long_is_not_short() -> None:
    """Nor are many short ones together; and what has become short again is known as that after a while."""
    clocks = Clocks()
    shortness = clocks.shortness()
    assert not shortness.short("a", 1)  # nothing is known of it
    with shortness.apart("a", 4):
        clocks.worked += 0.0025
    assert shortness.short("a", 8)
    assert not shortness.short("a", 9)
    with shortness.at_once("a", 1):
        clocks.now += 0.15  # whatever it waited for
    assert not shortness.short("a", 1)
    for _ in range(20):
        with shortness.apart("a", 1):
            clocks.worked += 0.00025
    assert not shortness.short("a", 1)  # it is not forgotten soon
    for _ in range(60):
        with shortness.apart("a", 1):
            clocks.worked += 0.00025
    assert shortness.short("a", 1)


def test_a_thread_that_waited_did_nothing_long() -> None:
    """Else who once waits for the interpreter would do so for ever."""
    clocks = Clocks()
    shortness = clocks.shortness()
    with shortness.apart("a", 1):
        clocks.now += 0.05
    assert shortness.short("a", 1)


def test_kinds_are_forgotten() -> None:
    """Filters are as many as callers think of."""
    shortness = Clocks().shortness()
    for kind in range(1000):
        with shortness.apart(kind, 1):
            pass
    assert not shortness.short(0, 1)
    assert shortness.short(999, 1)
