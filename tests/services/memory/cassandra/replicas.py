"""Several replicas of the service on one cluster, and writers who write through them until they are stopped."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Self

import numpy as np
from tandem.memory.v1.memory_pb2 import Change, Filter
from tandem_memory.backend import Near, StoreUnavailableError, TooLarge
from tandem_memory.cassandra import Clustered, Link, Manners
from tandem_memory.cassandra.cluster.asking import Statement
from tandem_memory.cassandra.shelf.shelf import Shelf
from tandem_memory.rules.clock import utc_now

from tests.services.memory.driven import NAMESPACE, record

EVERYTHING = Filter()
_BREATH_S = 0.05  # between what a writer does: without it writers take the processor from a node that is to come up again


class Passing:
    """A clock for replicas on which time passes that nobody waits for."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead_s

    def more(self, seconds: float) -> None:
        """Have so many seconds pass."""
        self._ahead_s += seconds


@asynccontextmanager
async def replicas(
    link: Link, count: int, manners: Manners, clock: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[list[Clustered]]:
    """So many replicas of one new store."""
    store = secrets.token_hex(4)
    async with AsyncExitStack() as stack:
        opened = [Clustered(link, store=store, manners=manners, clock=clock, now=now) for _ in range(count)]
        for each in opened:
            stack.push_async_callback(each.close)
        yield opened


def shelf_of(backend: Clustered) -> Shelf:
    """What a replica holds of the one namespace that it has met."""
    (shelf,) = backend._shelves.values()
    return shelf


class PowerCut:
    """While it lasts nothing that a replica writes reaches the cluster; `arrive` brings it there, which may be much later."""

    def __init__(self, backend: Clustered) -> None:
        self._asking, self._write = backend._asking, backend._asking.write
        self._late: list[Statement] = []

    async def arrive(self) -> None:
        """What was on its way arrives."""
        await self._write(self._late)

    async def _lose(self, statements: Sequence[Statement], *, together: bool = False) -> None:
        assert not together
        self._late.extend(statements)
        raise StoreUnavailableError

    def __enter__(self) -> Self:
        self._asking.write = self._lose
        return self

    def __exit__(self, *_: object) -> None:
        self._asking.write = self._write


class Writers:
    """Tasks that append keyed records for ever, and what was acknowledged to them: ids by key."""

    def __init__(self, backends: list[Clustered], each: int) -> None:
        self.acknowledged: dict[str, str] = {}
        self.refused = 0
        self._stopped = False
        self._more = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._write(backend, f"{number}/{writer}"))
            for number, backend in enumerate(backends)
            for writer in range(each)
        ]

    async def more(self, count: int) -> None:
        """Return when so many more were acknowledged."""
        wanted = len(self.acknowledged) + count
        while len(self.acknowledged) < wanted:
            for task in self._tasks:
                if task.done():
                    task.result()
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 300)

    async def stop(self) -> None:
        self._stopped = True
        await asyncio.gather(*self._tasks)

    async def _write(self, backend: Clustered, name: str) -> None:
        turn = 0
        while not self._stopped:
            keys = [f"{name}/{turn}/{each}" for each in range(1 + turn % 3)]
            records = [record(key, key=key, near=(1, turn, 0, 0)) for key in keys]
            try:
                done = await backend.append(NAMESPACE, records, embedding="caller")
            except StoreUnavailableError:
                self.refused += 1
                await asyncio.sleep(_BREATH_S)
                continue  # the same again, under the same keys
            self.acknowledged |= {key: each.id for key, each in zip(keys, done, strict=True)}
            self._more.set()
            turn += 1
            await asyncio.sleep(_BREATH_S)


async def nearest(backend: Clustered, query: Sequence[float], k: int, wanted: Filter = EVERYTHING) -> Sequence[Near]:
    """What a search finds."""
    (found,) = await backend.search(NAMESPACE, np.array([query], np.float32), k, wanted, vectors=False)
    assert not isinstance(found, TooLarge)
    return found


async def told(backend: Clustered, count: int) -> list[Change]:
    """The first changes that a watcher is told."""
    changes: list[Change] = []
    async for news in backend.watch(NAMESPACE, "", EVERYTHING, only_new=False, vectors=False):
        changes += news.changes
        if len(changes) >= count:
            return changes
    raise AssertionError


async def all_records(backend: Clustered) -> dict[str, str]:
    """Keys by id, in the order of taking in."""
    found: dict[str, str] = {}
    async for part in backend.export(NAMESPACE, EVERYTHING, vectors=False):
        for each in part:
            assert each.id not in found
            found[each.id] = each.key
    return found
