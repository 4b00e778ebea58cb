"""Whether what is kept agrees with itself, while it is written.

What must hold: every position of a log, up to where it has been read, is an entry that can be read; a record has a vector of the
right size; its key is claimed for it; a judgement that a log tells of, and has not forgotten, stands beside its record, and under its
key is claimed.
What seems wrong is looked at again before it is told, because others write meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

from google.protobuf.message import DecodeError
from tandem.memory.v1.memory_pb2 import Finding, Judged, Record

from tandem_memory.backend import DamagedError
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.shelf.reading import walk
from tandem_memory.cassandra.shelf.shelf import Shelf
from tandem_memory.cassandra.writers.drafts import key_name, told_first, told_name
from tandem_memory.rules import logged


async def check(shelves: Sequence[Shelf]) -> tuple[int, list[Finding]]:
    """How many records there are, and what is not as it must be."""
    checks = [_Check(shelf) for shelf in shelves]
    for each in checks:
        await each.run()
    return sum(each.records for each in checks), [finding for each in checks for finding in each.findings]


class _Check:
    """A walk over one namespace."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.records = 0
        self.findings: list[Finding] = []

    async def run(self) -> None:
        await self._shelf.refresh()
        try:
            async for entries in walk(self._shelf, {}, exact=True):
                self.records += sum(entry.kind == Kind.RECORD for entry in entries)
                async for place, what in self._wrong(entries):
                    self.findings.append(Finding(namespace=self._shelf.space.name, where=f"log {place}", what=what))
        except DamagedError as damage:
            self.findings.append(Finding(namespace=self._shelf.space.name, where=damage.where, what=damage.what))

    async def _wrong(self, entries: Sequence[Entry]) -> AsyncIterator[tuple[Place, str]]:
        names, judged, torn = list[tuple[str, Place]](), list[tuple[Place, Judged]](), list[Place]()
        for entry in entries:
            if entry.kind == Kind.CHANGE and entry.at_us < self._shelf.forgotten_us:
                continue
            if entry.size and not entry.body:
                torn.append(entry.place)
            try:
                names += _names(entry)
                judged += _judged(entry)
            except DecodeError as error:
                yield entry.place, str(error)
            if entry.kind == Kind.RECORD and len(entry.exact) != self._shelf.space.dimension * logged.FLOAT_BYTES:
                yield entry.place, f"a vector of {len(entry.exact)} bytes, not of {self._shelf.space.dimension} numbers"
        for place, what in await self._torn(torn):
            yield place, what
        for place, what in await self._unclaimed(names):
            yield place, what
        for place, what in await self._not_beside(judged):
            yield place, what

    async def _torn(self, torn: Sequence[Place]) -> list[tuple[Place, str]]:
        there = await self._shelf.log.at(torn)  # the row of what was removed meanwhile is gone as well
        return [(place, "some of its pieces are not there") for place, entry in there.items() if entry.size and not entry.body]

    async def _unclaimed(self, names: Sequence[tuple[str, Place]]) -> list[tuple[Place, str]]:
        holders = await asyncio.gather(*(self._shelf.claims.holder(name) for name, _ in names))
        astray = {place: name for (name, place), holder in zip(names, holders, strict=True) if holder != place}
        there = await self._shelf.log.kinds(astray)  # what was removed meanwhile has let its name go
        return [
            (place, f"its {name!r} is not claimed for it")
            for place, name in astray.items()
            if place not in there or there[place].kind != Kind.NOTHING
        ]

    async def _not_beside(self, judged: Sequence[tuple[Place, Judged]]) -> list[tuple[Place, str]]:
        records = await self._shelf.log.kinds({Place.parsed(each.id) for _, each in judged})
        wrong: list[tuple[Place, str]] = []
        for place, each in judged:
            record = records.get(Place.parsed(each.id))
            beside = told_name(each.key) or f"at {place}"
            if record is None or (record.kind == Kind.RECORD and beside not in {told_first(each.name) for each in record.judged}):
                wrong.append((place, f"the judgement is not beside record {each.id}"))
        return wrong


def _names(entry: Entry) -> Iterator[tuple[str, Place]]:
    """Names that must be claimed for an entry."""
    if entry.kind == Kind.RECORD and (key := Record.FromString(entry.body).key):
        yield key_name(key), entry.place
    change = entry.change if entry.kind == Kind.CHANGE else None
    if change is not None and change.judged.key:
        yield told_name(change.judged.key), entry.place


def _judged(entry: Entry) -> Iterator[tuple[Place, Judged]]:
    change = entry.change if entry.kind == Kind.CHANGE else None
    if change is not None and change.HasField("judged"):
        yield entry.place, change.judged
