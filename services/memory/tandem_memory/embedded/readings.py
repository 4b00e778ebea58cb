"""How questions are answered from the log: each reads in a thread, in parts, and holds no more than a part."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter, Record, StatsResponse

from tandem_memory.backend import Near, Page
from tandem_memory.embedded import cursors
from tandem_memory.index import Index
from tandem_memory.statistics import Tally
from tandem_memory.store import Namespace, Snapshot, Store, position_of, reading
from tandem_memory.store.reading import Stretch
from tandem_memory.wanted import wants

# What one message of a stream carries at most, but for a single large change: gRPC's usual limit is 4 MiB.
_MOST_CHANGES = 256
_MOST_BYTES = 1 << 20
_PART = 256  # records that an export reads at once
_SCAN_PART = 4096  # records that statistics read within one transaction


class Readings:
    """Reads a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def near(self, namespace: Namespace, found: Sequence[Sequence[tuple[int, float]]], *, vectors: bool) -> Sequence[Sequence[Near]]:
        """The records that a search found."""
        with self._store.reading() as transaction:
            return [
                [
                    Near(record=record, similarity=cosine)
                    for position, cosine in each
                    if (record := reading.record(transaction, namespace, position, vectors=vectors)) is not None
                ]
                for each in found
            ]

    def get(self, namespace: Namespace, ids: Sequence[str], *, vectors: bool) -> Sequence[Record]:
        """The records that are there.

        Raises:
            CursorError: for an id that was never given.
        """
        last = self._store.head(namespace)
        return self._at(namespace, [position_of(each, last) for each in ids], vectors=vectors)

    def page(self, namespace: Namespace, index: Index, after: int, limit: int, wanted: Filter, *, vectors: bool) -> Page:
        """At most `limit` records behind a position."""
        matching = index.matching(wanted)
        begin = int(np.searchsorted(matching, after, "right"))
        positions: list[int] = matching[begin : begin + limit].tolist()
        more = begin + limit < len(matching)
        return Page(
            records=self._at(namespace, positions, vectors=vectors), cursor=cursors.cursor(namespace, positions[-1]) if more else ""
        )

    async def look(self, name: str, after: int, *, vectors: bool) -> tuple[Namespace, Stretch] | None:
        """What comes behind a position; None while there is no such namespace."""
        namespace = self._store.namespaces.get(name)
        if namespace is None:
            return None
        with self._store.reading() as transaction:
            stretch = reading.changes(transaction, namespace, after, most=_MOST_CHANGES, most_bytes=_MOST_BYTES, vectors=vectors)
        return namespace, stretch

    def stats(self, namespace: Namespace, wanted: Filter) -> StatsResponse:
        """Counts and means over what matches."""
        tally, changes = Tally(), self._store.head(namespace)
        with self._store.snapshot() as snapshot:
            for part in _parts(snapshot, namespace, _SCAN_PART, vectors=False):
                for record in part:
                    if wants(wanted, record):
                        tally.count(record)
        return tally.told(dimension=namespace.dimension, embedding=namespace.embedding, changes=changes)

    async def export(self, namespace: Namespace, wanted: Filter, *, vectors: bool) -> AsyncIterator[Sequence[Record]]:
        """All records that match, as they are when this begins."""
        with self._store.snapshot() as snapshot:
            parts = _parts(snapshot, namespace, _PART, vectors=vectors)
            while (part := await asyncio.to_thread(next, parts, None)) is not None:
                matching = [record for record in part if wants(wanted, record)]
                if matching:
                    yield matching

    def _at(self, namespace: Namespace, positions: Sequence[int], *, vectors: bool) -> Sequence[Record]:
        with self._store.reading() as transaction:
            read = (reading.record(transaction, namespace, position, vectors=vectors) for position in positions)
            return [record for record in read if record is not None]


def _parts(snapshot: Snapshot, namespace: Namespace, most: int, *, vectors: bool) -> Iterator[Sequence[Record]]:
    after = 0
    while True:
        with snapshot.reading() as transaction:
            part = list(islice(reading.records(transaction, namespace, after, vectors=vectors), most))
        if not part:
            return
        yield part
        after = int(part[-1].id)
