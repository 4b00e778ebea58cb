"""A backend on a cluster of Apache Cassandra: any number of replicas of the service may serve the same records at once."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter, Finding, Judged, Namespace, Record, StatsResponse

from tandem_memory.backend import (
    Appended,
    CursorError,
    DimensionError,
    Got,
    Nearest,
    News,
    OnDamage,
    Origin,
    Page,
    Pruning,
    Removed,
    UnknownNamespaceError,
)
from tandem_memory.backend.answer_size import within
from tandem_memory.backend.bell import Bell
from tandem_memory.cassandra.answers import answers, checking, copying, finding, writing
from tandem_memory.cassandra.answers.watching import Spot, Told, beginning, follow
from tandem_memory.cassandra.cluster import schema
from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.cassandra.cluster.link import Link
from tandem_memory.cassandra.cluster.spaces import Space, Spaces
from tandem_memory.cassandra.log import places
from tandem_memory.cassandra.shelf.shelf import Manners, Shelf
from tandem_memory.cassandra.shelf.tails import Room
from tandem_memory.rules import logged
from tandem_memory.rules.clock import utc_now

_REPLICA_BYTES = 6  # of the name of a replica, which is new at each start


class Clustered:
    """`Backend` of one replica of the service. Its methods are called on one event loop.

    Args:
        link: The cluster; closed by who opened it.
        store: Which of the stores in its keyspace.
        now: The clock. It may go back; what is told of time does not.
        manners: How this replica behaves.
        clock: Seconds, from anywhere on, that go on evenly: by it `manners` are kept, and others are given up.
    """

    def __init__(
        self,
        link: Link,
        *,
        store: str = "memory",
        now: Callable[[], datetime] = utc_now,
        manners: Manners | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Have the tables that every keyspace needs.

        Raises:
            StoreUnavailableError: when they cannot be made.
        """
        for cql in schema.everywhere(link.keyspace):
            link.define(cql)
        self._asking = Asking(link)
        self._spaces = Spaces(self._asking, link.keyspace, store)
        self._replica = secrets.token_hex(_REPLICA_BYTES)
        self._now, self._clock, self._manners = now, clock, manners or Manners()
        self._room = Room(most_bytes=self._manners.most_young_bytes)
        self._bell = Bell()
        self._shelves: dict[str, Shelf] = {}

    async def append(self, namespace: str, records: Sequence[Record], *, embedding: str) -> Sequence[Appended]:
        """Write them at a quorum."""
        return await writing.append(await self._fitting(namespace, records, embedding), records, back=False)

    async def take_back(self, namespace: str, records: Sequence[Record], *, embedding: str) -> Sequence[Appended]:
        """Write them at a quorum, with their times and their use."""
        return await writing.append(await self._fitting(namespace, records, embedding), records, back=True)

    async def search(self, namespace: str, queries: npt.NDArray[np.float32], k: int, wanted: Filter, *, vectors: bool) -> Nearest:
        """Ask Cassandra's index and the memory of what is young."""
        shelf = await self._shelf(namespace)
        if queries.shape[1] != shelf.space.dimension:
            raise DimensionError(shelf.space.dimension, queries.shape[1])
        return within(await finding.search(shelf, queries, k, wanted, vectors=vectors))

    async def get(self, namespace: str, ids: Sequence[str], *, vectors: bool) -> Got:
        """Read them at a quorum."""
        return await answers.get(await self._shelf(namespace), ids, vectors=vectors)

    async def scan(self, namespace: str, cursor: str, limit: int, wanted: Filter, *, vectors: bool) -> Page:
        """Go through all logs from the cursor on."""
        return await answers.page(await self._shelf(namespace), cursor, limit, wanted, vectors=vectors)

    def watch(
        self,
        namespace: str,
        cursor: str,
        wanted: Filter,
        *,
        only_new: bool,
        vectors: bool,
        damaged: OnDamage | None = None,  # noqa: ARG002 - Cassandra has other replicas of what one of them lost
    ) -> AsyncIterator[News]:
        """Read all logs from the cursor on, as they grow."""
        from_now = only_new and not cursor
        begin = self._begin_now(namespace) if from_now else partial(_begin, cursor) if cursor else beginning
        told = Told(wanted=wanted, vectors=vectors, place_first=from_now)
        return follow(self._bell, partial(self._shelf_if_there, namespace, cursor), begin, told, self._manners)

    async def prune(self, namespace: str, pruning: Pruning) -> Removed:
        """Go through all records, choose, then remove those that are still there."""
        return await writing.prune(await self._shelf(namespace), pruning)

    async def judge(self, namespace: str, judged: Sequence[Judged]) -> int:
        """Write each beside its record."""
        return await writing.judge(await self._shelf(namespace), judged)

    async def stats(self, namespace: str, wanted: Filter) -> StatsResponse:
        """Go through all records."""
        return await answers.stats(await self._shelf(namespace), wanted)

    async def origin(self, namespace: str) -> Origin | None:
        """Remembered; the cluster is asked about a namespace that this replica has not met."""
        try:
            space = self._spaces.remembered(namespace) or await self._spaces.known(namespace)
        except UnknownNamespaceError:
            return None
        return space.origin

    async def namespaces(self) -> Sequence[Namespace]:
        """Those of this store, each counted by the cluster."""
        spaces = await self._spaces.all()
        counts = await asyncio.gather(*(self._count(space) for space in spaces))
        return [
            Namespace(name=space.name, records=count, dimension=space.dimension, embedding=space.embedding)
            for space, count in zip(spaces, counts, strict=True)
        ]

    async def export(
        self,
        namespace: str,
        wanted: Filter,
        *,
        vectors: bool,
        damaged: OnDamage | None = None,  # noqa: ARG002 - as for `watch`
    ) -> AsyncIterator[Sequence[Record]]:
        """Set all aside as they are at one moment, then give them out."""
        async for part in answers.export(await self._shelf(namespace), wanted, vectors=vectors):
            yield part

    async def check(self) -> tuple[int, Sequence[Finding]]:
        """Go through all logs, and compare them with the names that records have and with what was said of them."""
        shelves = [await self._shelf(space.name) for space in await self._spaces.all()]
        return await checking.check(shelves)

    async def copy(self, into: Path) -> int:
        """Write everything into a store of the embedded backend, which opens anywhere; ids are its own."""
        return await copying.copy([await self._shelf(space.name) for space in await self._spaces.all()], into)

    def trouble(self) -> None:
        """None: a cluster that does not answer now may do so at the next call, whoever is asked."""

    async def close(self) -> None:
        """Finish what was begun; the link stays open."""
        await asyncio.gather(*(shelf.close() for shelf in self._shelves.values()))

    async def _fitting(self, namespace: str, records: Sequence[Record], embedding: str) -> Shelf:
        """The namespace that these vectors belong into, begun if need be."""
        dimensions = [len(record.vector) // logged.FLOAT_BYTES for record in records]
        there = self._spaces.remembered(namespace)
        if there is None:
            logged.check(dimensions, embedding, Origin(dimension=dimensions[0], embedding=embedding))
            there = await self._spaces.begun(namespace, dimensions[0], embedding, self._now())
        logged.check(dimensions, embedding, there.origin)
        return await self._shelf(namespace)

    async def _shelf(self, namespace: str) -> Shelf:
        """The namespace, its logs read."""
        space = self._spaces.remembered(namespace) or await self._spaces.known(namespace)
        shelf = self._shelves.get(space.identity)
        if shelf is None:
            shelf = self._shelves[space.identity] = Shelf(
                *(self._asking, space, self._replica),
                now=self._now,
                clock=self._clock,
                manners=self._manners,
                room=self._room,
                ring=self._bell.ring,
            )
        await shelf.ready()
        return shelf

    async def _shelf_if_there(self, namespace: str, cursor: str) -> Shelf | None:
        try:
            return await self._shelf(namespace)
        except UnknownNamespaceError:
            if cursor:
                msg = f"{cursor!r} is no cursor of namespace {namespace!r}, which is not there yet: begin without one"
                raise CursorError(msg) from None
            return None

    def _begin_now(self, namespace: str) -> Callable[[Shelf], Spot]:
        """Behind all that this replica knows of at this moment."""
        space = self._spaces.remembered(namespace)
        shelf = self._shelves.get(space.identity) if space else None
        if shelf is not None:
            heads = shelf.tails.heads
            return lambda _: Spot(after=heads)
        return lambda found: Spot(
            after={writer: head for writer, head in found.tails.heads.items() if places.replica_of(writer) != self._replica}
        )

    async def _count(self, space: Space) -> int:
        return await answers.count(await self._shelf(space.name))


def _begin(cursor: str, shelf: Shelf) -> Spot:
    """Where a cursor says."""
    after = places.positions(shelf.space.identity, cursor, shelf.tails.heads, shelf.tails.closed)
    return Spot(after=after, since_us=places.since_us(cursor))
