"""How questions are answered from the log: each reads in a thread, in parts, and holds no more than a part; what is at hand needs none."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter, Record, StatsResponse

from tandem_memory.backend import PAGE_BYTES, Got, Near, Nearest, OnDamage, Page
from tandem_memory.backend.answer_size import within
from tandem_memory.embedded import cursors
from tandem_memory.embedded.recalled import Recalled
from tandem_memory.index import Index
from tandem_memory.rules.statistics import Tally
from tandem_memory.rules.wanted import wants
from tandem_memory.store import Namespace, Snapshot, Spot, Store, position_in, reading
from tandem_memory.store.reading import Stretch

# What one message of a stream carries at most, but for a single large change: gRPC's usual limit is 4 MiB.
_MOST_CHANGES = 256
_MOST_RECORDS = 1000
_MOST_BYTES = 1 << 20
_REMEMBERED = 16  # stretches of the newest changes: as many megabytes at most, but for single large changes

Found: TypeAlias = Sequence[Sequence[tuple[int, float]]]
"""For each query the positions of records, and their cosines."""


class Readings:
    """Reads a store."""

    def __init__(self, store: Store, recalled: Recalled) -> None:
        self._store, self._recalled = store, recalled
        self._newest: OrderedDict[tuple[int, Spot, int, bool], Stretch] = OrderedDict()

    def near(self, namespace: Namespace, found: Found, *, vectors: bool) -> Nearest:
        """The records that a search found."""
        if vectors:
            with self._store.reading() as transaction:
                return _nearest(found, partial(reading.packed, transaction, namespace, vectors=True))
        positions = _positions(found)
        known, changes = self._recalled.of(namespace.number, positions)
        if len(known) == len(positions):
            return _nearest(found, known.get)
        read = dict[int, bytes]()
        with self._store.reading() as transaction:  # which sees all that has changed so far
            nearest = _nearest(found, partial(_looked_up, known, read, partial(reading.packed, transaction, namespace, vectors=False)))
        self._recalled.keep(namespace.number, read, changes)
        return nearest

    def near_at_hand(self, namespace: Namespace, found: Found) -> Nearest | None:
        """The same without vectors and without a look at the disk; None where some of them are not at hand."""
        positions = _positions(found)
        known, _ = self._recalled.of(namespace.number, positions)
        return _nearest(found, known.get) if len(known) == len(positions) else None

    def get(self, namespace: Namespace, ids: Sequence[str], *, vectors: bool) -> Got:
        """The records that are there, as many as a page holds."""
        last, found, weight = self._store.head(namespace), list[Record](), 0
        with self._store.reading() as transaction:
            for number, each in enumerate(ids):
                position = position_in(each, last)
                record = reading.record(transaction, namespace, position, vectors=vectors) if position else None
                if record is not None:
                    weight += record.ByteSize()
                    if found and weight > PAGE_BYTES:
                        return Got(records=found, left=len(ids) - number)
                    found.append(record)
        return Got(records=found)

    def page(self, namespace: Namespace, index: Index, after: int, limit: int, wanted: Filter, *, vectors: bool) -> Page:
        """At most `limit` records behind a position, or fewer large ones."""
        matching = index.matching(wanted)
        begin = int(np.searchsorted(matching, after, "right"))
        asked: list[int] = matching[begin : begin + limit].tolist()
        with self._store.reading() as transaction:
            read = (reading.record(transaction, namespace, position, vectors=vectors) for position in asked)
            records = list(_fitting(record for record in read if record is not None))
        last = int(records[-1].id) if records else max(asked, default=after)
        more = len(matching) > 0 and last < int(matching[-1])
        return Page(records=records, cursor=cursors.cursor(namespace, Spot(last)) if more else "")

    async def look(self, name: str, after: Spot, *, vectors: bool) -> tuple[Namespace, Stretch] | None:
        """What comes behind a spot; None while there is no such namespace.

        Those who follow the log live all ask for the same, and are given the same messages, read once. Who is further behind
        reads in a thread.
        """
        namespace = self._store.namespaces.get(name)
        if namespace is None:
            return None
        head = self._store.head(namespace)
        if after.position >= head:
            return namespace, Stretch(changes=(), until=after)
        if head - after.position > _MOST_CHANGES:
            return namespace, await asyncio.to_thread(self._stretch, namespace, after, vectors=vectors)
        asked = (namespace.number, after, head, vectors)
        if asked not in self._newest:
            self._newest[asked] = self._stretch(namespace, after, vectors=vectors)
            if len(self._newest) > _REMEMBERED:
                self._newest.popitem(last=False)
        return namespace, self._newest[asked]

    def _stretch(self, namespace: Namespace, after: Spot, *, vectors: bool) -> Stretch:
        with self._store.reading() as transaction:
            return reading.changes(transaction, namespace, after, most=_MOST_CHANGES, most_bytes=_MOST_BYTES, vectors=vectors)

    def stats(self, namespace: Namespace, wanted: Filter) -> StatsResponse:
        """Counts and means over what matches."""
        tally, everything = Tally(), not wanted.ByteSize()
        with self._store.snapshot() as snapshot:
            with snapshot.reading() as transaction:
                changes = reading.head(transaction, namespace).position - namespace.left_out
            for part in _parts(snapshot, namespace, vectors=False):
                for record in part:
                    if everything or wants(wanted, record):
                        tally.count(record)
        return tally.told(dimension=namespace.dimension, embedding=namespace.embedding, changes=changes)

    async def export(
        self, namespace: Namespace, wanted: Filter, *, vectors: bool, damaged: OnDamage | None = None
    ) -> AsyncIterator[Sequence[Record]]:
        """All records that match, as they are when this begins."""
        with self._store.snapshot() as snapshot:
            read = _parts(snapshot, namespace, vectors=vectors, damaged=damaged)
            parts = ([record for record in part if wants(wanted, record)] for part in read)
            while (part := await asyncio.to_thread(next, parts, None)) is not None:
                if part:
                    yield part


def _positions(found: Found) -> set[int]:
    return {position for each in found for position, _ in each}


def _nearest(found: Found, read: Callable[[int], bytes | None]) -> Nearest:
    """What was found and is there, read only as far as there is room for it."""
    return within((Near(packed, cosine) for position, cosine in each if (packed := read(position)) is not None) for each in found)


def _looked_up(known: Mapping[int, bytes], read: dict[int, bytes], look: Callable[[int], bytes | None], position: int) -> bytes | None:
    """A record that is known, or else is read; what was read is noted."""
    packed = known.get(position)
    if packed is None and (packed := look(position)) is not None:
        read[position] = packed
    return packed


def _fitting(records: Iterable[Record]) -> Iterator[Record]:
    """As many of `records` as a page holds, and the first whatever its size."""
    weight = 0
    for number, record in enumerate(records):
        weight += record.ByteSize()
        if number and weight > PAGE_BYTES:
            return
        yield record


def _parts(snapshot: Snapshot, namespace: Namespace, *, vectors: bool, damaged: OnDamage | None = None) -> Iterator[Sequence[Record]]:
    """All records, as many at once as a message carries."""
    after, more = 0, True
    while more:
        part, weight, more = list[Record](), 0, False
        with snapshot.reading() as transaction:
            for record in reading.records(transaction, namespace, after, vectors=vectors, damaged=damaged):
                part.append(record)
                weight += record.ByteSize()
                if more := len(part) >= _MOST_RECORDS or weight >= _MOST_BYTES:
                    break
        if part:
            yield part
            after = int(part[-1].id)
