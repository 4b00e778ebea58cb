"""How questions about a namespace are answered from its logs, a part of them at a time."""

import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import IO

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter, Record, StatsResponse

from tandem_memory.backend import PAGE_BYTES, CursorError, Got, Page, Pruning
from tandem_memory.cassandra.log import places
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.shelf.reading import walk, without_vectors
from tandem_memory.cassandra.shelf.shelf import Shelf
from tandem_memory.index import Facts
from tandem_memory.index.fields.columns import nanoseconds
from tandem_memory.rules.pruning import removed
from tandem_memory.rules.statistics import Tally
from tandem_memory.rules.wanted import utility, wants

_LOOKED_UP = 64  # ids at once, which may be of the largest records
_PART = 256  # records of an export that are given out at once
_IN_MEMORY_BYTES = 16 << 20  # of an export; more of it is in a temporary file
_LENGTH_BYTES = 8


async def get(shelf: Shelf, ids: Sequence[str], *, vectors: bool) -> Got:
    """Those of the records that are there, in the order of `ids`, as many as a page holds."""
    asked = [Place.of(each) for each in ids]
    if not all(place is None or shelf.tails.holds(place) for place in asked):
        await shelf.refresh()
    found, weight = list[Record](), 0
    for begin in range(0, len(ids), _LOOKED_UP):
        part = asked[begin : begin + _LOOKED_UP]
        entries = await shelf.log.at([place for place in part if place and shelf.tails.holds(place)], exact=vectors)
        for number, place in enumerate(part, begin):
            entry = entries.get(place) if place else None
            if entry is not None and entry.kind == Kind.RECORD:
                weight += (record := entry.record).ByteSize()
                if found and weight > PAGE_BYTES:
                    return Got(records=found, left=len(ids) - number)
                found.append(record)
    return Got(records=found)


async def known(shelf: Shelf, ids: Iterable[str]) -> list[Place]:
    """What ids name.

    Raises:
        CursorError: for one that was never given.
    """
    asked = [Place.parsed(each) for each in ids]
    if not all(map(shelf.tails.holds, asked)):
        await shelf.refresh()
    for place in asked:
        if not shelf.tails.holds(place):
            msg = f"{str(place)!r} is no id of this namespace"
            raise CursorError(msg)
    return asked


async def page(shelf: Shelf, cursor: str, limit: int, wanted: Filter, *, vectors: bool) -> Page:
    """At most `limit` records that match, or fewer large ones, behind a cursor."""
    await shelf.refresh()
    identity, closed = shelf.space.identity, shelf.tails.closed
    after = places.positions(identity, cursor, shelf.tails.heads, closed)
    found, weight = list[Record](), 0
    async for entries in walk(shelf, after, exact=vectors):
        for entry in entries:
            if entry.kind == Kind.RECORD and wants(wanted, record := entry.record):
                weight += record.ByteSize()
                if len(found) == limit or (found and weight > PAGE_BYTES):
                    return Page(records=without_vectors(found, vectors=vectors), cursor=places.cursor(identity, after, closed))
                found.append(record)
            after[entry.place.writer] = entry.place.position
    return Page(records=without_vectors(found, vectors=vectors), cursor="")


async def stats(shelf: Shelf, wanted: Filter) -> StatsResponse:
    """Counts and means over what matches."""
    await shelf.refresh()
    tally, changes = Tally(), shelf.tails.changes
    async for records in matching(shelf, wanted):
        for record in records:
            tally.count(record)
    return tally.told(dimension=shelf.space.dimension, embedding=shelf.space.embedding, changes=changes)


async def matching(shelf: Shelf, wanted: Filter, *, exact: bool = False) -> AsyncIterator[list[Record]]:
    """Records that match, in the order that they were taken in, some at a time."""
    async for entries in walk(shelf, {}, exact=exact):
        records = (entry.record for entry in entries if entry.kind == Kind.RECORD)
        yield [record for record in records if wants(wanted, record)]


async def count(shelf: Shelf) -> int:
    """How many records there are."""
    await shelf.refresh()
    return sum([await shelf.log.count(writer, head) for writer, head in shelf.tails.heads.items()])


async def to_remove(shelf: Shelf, pruning: Pruning) -> tuple[list[Record], int]:
    """The records that are to go, without their texts, and how many stay of those that were considered."""
    await shelf.refresh()
    considered: list[Record] = []
    async for records in matching(shelf, pruning.among):
        considered += map(_bare, records)
    going = removed(_facts(considered), pruning)
    chosen = [record for record, goes in zip(considered, going.tolist(), strict=True) if goes]
    return chosen, len(considered) - len(chosen)


async def export(shelf: Shelf, wanted: Filter, *, vectors: bool) -> AsyncIterator[Sequence[Record]]:
    """All records that match, as they are at one moment: when all logs have been gone through and what happened meanwhile is known.

    They are set aside first; what is written while they are given out is not among them.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file, closing(_Aside(file)) as aside:
        await shelf.refresh()
        until = shelf.tails.heads
        async for entries in walk(shelf, {}, until, exact=vectors):
            aside.add(entries)
        await shelf.refresh()
        async for entries in walk(shelf, until, exact=vectors):
            aside.add(entries)
        for judged in aside.judged():
            aside.know_later((await shelf.log.at(judged, exact=vectors)).values())
        part, weight = list[Record](), 0
        for record in aside.records():
            if wants(wanted, record):
                size = record.ByteSize()
                if part and (len(part) == _PART or weight + size > PAGE_BYTES):
                    yield without_vectors(part, vectors=vectors)
                    part, weight = [], 0
                part.append(record)
                weight += size
        if part:
            yield without_vectors(part, vectors=vectors)


class _Aside:
    """Records that are set aside, and what became of them while the others were: behind them, since it may be as much again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._gone: set[str] = set()
        self._judged: set[Place] = set()
        self._end = 0  # of what `add` has written
        self._later: dict[str, int] = {}  # where the record with that id is once more

    def add(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.kind == Kind.RECORD:
                self._write(entry.record)
            elif (change := entry.change) is not None:
                self._gone.update(change.pruned.ids)
                if change.HasField("judged"):
                    self._judged.add(Place.parsed(change.judged.id))
        self._end = self._file.tell()

    def judged(self) -> Iterator[Sequence[Place]]:
        """Records that were judged, some at a time."""
        judged = sorted(self._judged)
        yield from (judged[begin : begin + _LOOKED_UP] for begin in range(0, len(judged), _LOOKED_UP))

    def know_later(self, entries: Iterable[Entry]) -> None:
        """Hear how records are once all were set aside."""
        for entry in entries:
            if entry.kind == Kind.RECORD:
                self._later[str(entry.place)] = self._file.tell()
                self._write(entry.record)

    def records(self) -> Iterator[Record]:
        """In their order, as they were in the end."""
        at = 0
        while at < self._end:
            record, at = self._read(at)
            if record.id not in self._gone:
                yield self._read(self._later[record.id])[0] if record.id in self._later else record

    def close(self) -> None:
        self._gone.clear()

    def _write(self, record: Record) -> None:
        body = record.SerializeToString()
        self._file.write(len(body).to_bytes(_LENGTH_BYTES))
        self._file.write(body)

    def _read(self, at: int) -> tuple[Record, int]:
        """The record that begins at `at`, and where it ends."""
        self._file.seek(at)
        body = self._file.read(int.from_bytes(self._file.read(_LENGTH_BYTES)))
        return Record.FromString(body), self._file.tell()


def _bare(record: Record) -> Record:
    """What pruning asks about a record."""
    bare = Record(id=record.id, key=record.key, source=record.source, at=record.at, use=record.use)
    if record.HasField("score"):
        bare.score = record.score
    return bare


def _facts(records: Sequence[Record]) -> Facts:
    """Their fields; the older a record, the smaller its number."""
    sources = {record.source: 0 for record in records}
    names = {source: number for number, source in enumerate(sources)}
    return Facts(
        positions=np.arange(len(records), dtype=np.uint64),
        source=np.array([names[record.source] for record in records], np.int32),
        sources=tuple(names),
        score=np.array([record.score if record.HasField("score") else np.nan for record in records], np.float64),
        at=np.array([nanoseconds(record.at) for record in records], np.int64),
        times=np.array([record.use.times for record in records], np.int64),
        gain=np.array([record.use.gain for record in records], np.float64),
        utility=np.array([utility(record.use) for record in records], np.float64),
    )
