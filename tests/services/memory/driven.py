"""A backend that is asked one thing after the other, as tests read best; and records to give it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import numpy as np
from tandem.memory.v1.memory_pb2 import Change, Filter, Finding, Judged, Record, StatsResponse
from tandem_memory.backend import Appended, Backend, Near, Pruning, Removed, TooLarge

DIMENSION = 4
NAMESPACE = "run-1"
ALL = Filter()

_T = TypeVar("_T")


def vector(*parts: float) -> bytes:
    """As the wire has it."""
    return np.array(parts, "<f4").tobytes()


def record(question: str = "?", *, near: Sequence[float] = (1, 0, 0, 0), **fields: Any) -> Record:
    """A record with a vector."""
    return Record(question=question, vector=vector(*near), **fields)


def questions(records: Sequence[Record]) -> list[str]:
    return [each.question for each in records]


class Clock:
    """A clock that goes when it is told to, also back."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Watcher:
    """Somebody who watches."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], news: AsyncIterator[Any]) -> None:
        self._run, self._news = run, news
        self.cursor = ""

    def changes(self, count: int) -> list[Change]:
        """The next changes, as many as are asked for."""
        seen: list[Change] = []

        async def watching() -> None:
            while len(seen) < count:
                news = await anext(self._news)
                seen.extend(news.changes)
                self.cursor = news.cursor

        self._run(asyncio.wait_for(watching(), 300))
        return seen

    def silent(self) -> bool:
        """Whether the next word is that nothing came."""

        async def word() -> bool:
            news = await anext(self._news)
            self.cursor = news.cursor
            return not news.changes

        return self._run(asyncio.wait_for(word(), 300))


class Driven:
    """A backend in a loop of its own."""

    def __init__(self, open_backend: Callable[[], Backend]) -> None:
        self._open = open_backend
        self._runner = asyncio.Runner()
        self.backend = open_backend()

    def run(self, doing: Coroutine[Any, Any, _T]) -> _T:
        return self._runner.run(doing)

    def close(self) -> None:
        self.run(self.backend.close())

    def again(self) -> None:
        """Close it, and open it again as another process would."""
        self.close()
        self.backend = self._open()

    def append(self, *records: Record, namespace: str = NAMESPACE, embedding: str = "caller") -> Sequence[Appended]:
        return self.run(self.backend.append(namespace, records, embedding=embedding))

    def ids(self, *records: Record, namespace: str = NAMESPACE) -> list[str]:
        return [each.id for each in self.append(*records, namespace=namespace)]

    def take_back(self, *records: Record, namespace: str = NAMESPACE) -> Sequence[Appended]:
        return self.run(self.backend.take_back(namespace, records, embedding="caller"))

    def search(self, near: Sequence[float], k: int = 10, wanted: Filter = ALL, *, namespace: str = NAMESPACE) -> Sequence[Near]:
        queries = np.array([near], np.float32)
        (found,) = self.run(self.backend.search(namespace, queries, k, wanted, vectors=False))
        assert not isinstance(found, TooLarge)
        return found

    def get(self, *ids: str, namespace: str = NAMESPACE, vectors: bool = False) -> Sequence[Record]:
        got = self.run(self.backend.get(namespace, ids, vectors=vectors))
        assert not got.left
        return got.records

    def scan(self, wanted: Filter = ALL, *, limit: int = 100, namespace: str = NAMESPACE, vectors: bool = False) -> list[Record]:
        """All pages."""
        found, cursor = list[Record](), ""
        while True:
            page = self.run(self.backend.scan(namespace, cursor, limit, wanted, vectors=vectors))
            assert len(page.records) <= limit
            found += page.records
            cursor = page.cursor
            if not cursor:
                return found

    def watch(
        self, cursor: str = "", wanted: Filter = ALL, *, only_new: bool = False, vectors: bool = False, namespace: str = NAMESPACE
    ) -> Watcher:
        async def begun() -> AsyncIterator[Any]:  # on the loop, as a service would
            return self.backend.watch(namespace, cursor, wanted, only_new=only_new, vectors=vectors)

        return Watcher(self.run, self.run(begun()))

    def prune(self, pruning: Pruning, *, namespace: str = NAMESPACE) -> Removed:
        return self.run(self.backend.prune(namespace, pruning))

    def judge(self, *judged: Judged, namespace: str = NAMESPACE) -> int:
        return self.run(self.backend.judge(namespace, judged))

    def stats(self, wanted: Filter = ALL, *, namespace: str = NAMESPACE) -> StatsResponse:
        return self.run(self.backend.stats(namespace, wanted))

    def export(self, wanted: Filter = ALL, *, namespace: str = NAMESPACE, vectors: bool = False) -> list[Record]:
        async def collected() -> list[Record]:
            return [each async for part in self.backend.export(namespace, wanted, vectors=vectors) for each in part]

        return self.run(collected())

    def check(self) -> tuple[int, Sequence[Finding]]:
        return self.run(self.backend.check())
