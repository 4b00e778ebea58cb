"""A backend in this process: a store on this machine's disk, and an index for each of its namespaces in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter, Finding, Judged, Namespace, Record, StatsResponse

from tandem_memory.backend import Appended, CursorError, DimensionError, Got, Nearest, News, OnDamage, Origin, Page, Pruning, Removed
from tandem_memory.backend.bell import Bell
from tandem_memory.embedded import cursors, emptying
from tandem_memory.embedded.committer import Committed, Committer, not_counted
from tandem_memory.embedded.indexes import Indexes
from tandem_memory.embedded.readings import Readings
from tandem_memory.embedded.recalled import Recalled
from tandem_memory.embedded.shortness import Shortness
from tandem_memory.embedded.upkeep import Upkeep
from tandem_memory.embedded.watching import follow
from tandem_memory.rules.clock import utc_now
from tandem_memory.rules.pruning import removed
from tandem_memory.rules.remembering import KEPT
from tandem_memory.store import Append, Effect, Judge, Spot, Store
from tandem_memory.store.store import FIRST_MAP_BYTES

_QUIET_S = 15.0  # a watcher hears of its place in the log so often when nothing comes
_SNAPSHOTS = "index"  # the folder of snapshots within a store's
_THREADS = 4  # readers that may wait for the disk at once
_AT_LENGTH = 2  # that go through everything; others of their kind wait, but nobody who looks for a few records does

_T = TypeVar("_T")


class Embedded:
    """`Backend` of one process. Its methods are called on one event loop."""

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], datetime] = utc_now,
        quiet_s: float = _QUIET_S,
        map_bytes: int = FIRST_MAP_BYTES,
        kept: timedelta = KEPT,
        committed: Committed = not_counted,
    ) -> None:
        """Open the store in `folder`, or begin it, and make ready to search.

        Args:
            folder: Where it is.
            now: The clock.
            quiet_s: How often a watcher hears of its place when nothing comes.
            map_bytes: Address space to begin with.
            kept: For how long the log tells that a record was removed or judged, and knows the key of that.
            committed: Hears of each group that became durable.

        Raises:
            FormatError, InUseError, DamagedError, StoreFullError: when it cannot be opened.
        """
        self._store = Store(folder, now=now, map_bytes=map_bytes, kept=kept)
        try:
            self._indexes = Indexes(self._store, folder / _SNAPSHOTS)
        except BaseException:
            self._store.close()
            raise
        recalled = Recalled()
        self._readings = Readings(self._store, recalled)
        self._shortness = Shortness()
        self._quiet_s = quiet_s
        self._bell = Bell()
        self._threads = ThreadPoolExecutor(_THREADS, "memory-reader")
        self._long_threads = ThreadPoolExecutor(_AT_LENGTH, "memory-long-reader")
        self._committer = Committer(self._store, (recalled, self._indexes), self._ring, committed=committed)
        self._upkeep = Upkeep(self._indexes)

    async def append(self, namespace: str, records: Sequence[Record], *, embedding: str) -> Sequence[Appended]:
        """Write them in the next group."""
        return await self._committer.do(Append(namespace=namespace, records=records, embedding=embedding))

    async def take_back(self, namespace: str, records: Sequence[Record], *, embedding: str) -> Sequence[Appended]:
        """Write them in the next group, with their times and their use."""
        return await self._committer.do(Append(namespace=namespace, records=records, embedding=embedding, back=True))

    async def search(self, namespace: str, queries: npt.NDArray[np.float32], k: int, wanted: Filter, *, vectors: bool) -> Nearest:
        """Ask the index, then read what it found; a record that is removed in between is left out.

        What is likely to take long is done in a thread, and so is what has to be read from the log.
        """
        index, known = self._indexes.of(namespace), self._store.namespace(namespace)
        if queries.shape[1] != known.dimension:
            raise DimensionError(known.dimension, queries.shape[1])

        kind, count = (known.number, k, index.kind(wanted)), len(queries)
        if not vectors and self._shortness.short(kind, count) and index.at_hand(wanted):
            with self._shortness.at_once(kind, count):
                found = index.search(queries, k, wanted)
            near = self._readings.near_at_hand(known, found)
            if near is not None:
                return near
            return await self._off_the_loop(partial(self._readings.near, known, found, vectors=False))

        def work() -> Nearest:
            with self._shortness.apart(kind, count):
                found = index.search(queries, k, wanted)
            return self._readings.near(known, found, vectors=vectors)

        return await self._off_the_loop(work)

    async def get(self, namespace: str, ids: Sequence[str], *, vectors: bool) -> Got:
        """Read them."""
        known = self._store.namespace(namespace)
        return await self._off_the_loop(partial(self._readings.get, known, ids, vectors=vectors))

    async def scan(self, namespace: str, cursor: str, limit: int, wanted: Filter, *, vectors: bool) -> Page:
        """Read a page of those that the index says match."""
        index, known = self._indexes.of(namespace), self._store.namespace(namespace)
        after = cursors.spot(known, cursor, self._store.head(known)).position
        return await self._off_the_loop(partial(self._readings.page, known, index, after, limit, wanted, vectors=vectors))

    def watch(
        self, namespace: str, cursor: str, wanted: Filter, *, only_new: bool, vectors: bool, damaged: OnDamage | None = None
    ) -> AsyncIterator[News]:
        """Read the log from the cursor on, as it grows."""
        known, from_now = self._store.namespaces.get(namespace), only_new and not cursor
        after = Spot(0)
        if known is not None:
            last = self._store.head(known)
            after = Spot(last) if from_now else cursors.spot(known, cursor, last)
        elif cursor:
            msg = f"{cursor!r} is no cursor of namespace {namespace!r}, which is not there yet: begin without one"
            raise CursorError(msg)
        look = partial(self._readings.look, namespace, vectors=vectors)
        return follow(self._bell, look, after, wanted, self._quiet_s, place_first=from_now, damaged=damaged)

    async def prune(self, namespace: str, pruning: Pruning) -> Removed:
        """Choose by the columns of the index, as they are at this moment; then remove those that are still there."""
        index, known = self._indexes.of(namespace), self._store.namespace(namespace)

        def choose() -> tuple[dict[int, str], int]:
            facts = index.columns(index.matching(pruning.among))
            going = np.flatnonzero(removed(facts, pruning))
            chosen = zip(facts.positions[going].tolist(), facts.source[going].tolist(), strict=True)
            return {position: facts.sources[source] for position, source in chosen}, len(facts.positions)

        sources, considered = await self._off_the_loop(choose)
        gone: Sequence[int] = tuple(sources)
        if not pruning.dry_run and gone:
            gone = await emptying.removed(self._committer, known.name, gone)
        kept = considered - len(sources)
        return Removed(ids=[str(position) for position in gone], sources=[sources[position] for position in gone], kept=kept)

    async def judge(self, namespace: str, judged: Sequence[Judged]) -> int:
        """Book it in the next group."""
        return await self._committer.do(Judge(namespace=namespace, judged=judged))

    async def stats(self, namespace: str, wanted: Filter) -> StatsResponse:
        """Go through all records."""
        known = self._store.namespace(namespace)
        return await self._at_length(partial(self._readings.stats, known, wanted))

    async def origin(self, namespace: str) -> Origin | None:
        """Held in memory."""
        known = self._store.namespaces.get(namespace)
        return None if known is None else known.origin

    async def namespaces(self) -> Sequence[Namespace]:
        """Those that are searched: one that has just begun is among them once its first records are found."""
        return [
            Namespace(name=name, records=len(index), dimension=index.dimension, embedding=self._store.namespace(name).embedding)
            for name, index in sorted(self._indexes.all.items())
        ]

    def export(self, namespace: str, wanted: Filter, *, vectors: bool, damaged: OnDamage | None = None) -> AsyncIterator[Sequence[Record]]:
        """Read one snapshot of the store to its end."""
        return self._readings.export(self._store.namespace(namespace), wanted, vectors=vectors, damaged=damaged)

    async def check(self) -> tuple[int, Sequence[Finding]]:
        """Compare all tables, then the indexes with them."""

        def work() -> tuple[int, Sequence[Finding]]:
            checked = self._store.check()
            lost = [finding for name, records in checked.records.items() for finding in self._indexes.differing(name, records)]
            return sum(map(len, checked.records.values())), [*checked.findings, *lost]

        return await self._at_length(work)

    async def copy(self, into: Path) -> int:
        """Copy the log; indexes are built again from it."""
        return await self._at_length(partial(self._store.copy, into))

    def trouble(self) -> str | None:
        """What the log's files say."""
        return self._store.trouble()

    async def close(self) -> None:
        """Write what waits, and snapshots; then close the files."""
        await asyncio.to_thread(self._committer.close)
        await asyncio.to_thread(self._upkeep.close)
        for threads in (self._threads, self._long_threads):
            threads.shutdown()
        self._store.close()

    async def _off_the_loop(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _at_length(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._long_threads, work)

    def _ring(self, effects: Sequence[Effect]) -> None:
        if effects:
            self._bell.ring()
