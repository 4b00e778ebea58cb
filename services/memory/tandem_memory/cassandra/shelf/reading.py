"""Logs of several writers, gone through together: merged by the moments that entries were written, each log in its own order."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

from tandem.memory.v1.memory_pb2 import Record

from tandem_memory.backend import DamagedError
from tandem_memory.cassandra.log.entries import Entry
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.shelf.shelf import Shelf


async def walk(
    shelf: Shelf, after: Mapping[str, int], until: Mapping[str, int] | None = None, *, exact: bool = False
) -> AsyncIterator[Sequence[Entry]]:
    """All entries behind `after` up to `until`, some at a time; without `until` up to where the logs have been read.

    A log is opened when the others have come to where it begins: there may be some for each start that a replica ever had.
    """
    ends = dict(until) if until is not None else shelf.tails.heads
    began_us = {log.writer: log.began_us for log in shelf.tails.closed if log.writer not in after}
    behind = ((writer, after.get(writer, 0), end) for writer, end in ends.items())
    shut = [_Log(shelf, writer, begin, end, exact=exact) for writer, begin, end in behind if begin < end]
    shut.sort(key=lambda log: began_us.get(log.writer, 0), reverse=True)
    logs = list[_Log]()
    while True:
        await asyncio.gather(*(log.fill() for log in logs))
        logs = [log for log in logs if log.entries]
        if not (logs or shut):
            return
        # What a log has not shown yet is not earlier than the last that it has.
        horizon_us = min(log.entries[-1].at_us for log in logs) if logs else began_us.get(shut[-1].writer, 0)
        if opened := list(_opened(shut, began_us, horizon_us)):
            logs += opened
        else:
            yield list(heapq.merge(*(log.taken(horizon_us) for log in logs), key=order))


def order(entry: Entry) -> tuple[int, str, int]:
    """By which entries of different logs are merged."""
    return entry.at_us, entry.place.writer, entry.place.position


def without_vectors(records: Iterable[Record], *, vectors: bool) -> list[Record]:
    """The records as they were asked for."""
    told = list(records)
    if not vectors:
        for record in told:
            record.ClearField("vector")
    return told


def _opened(shut: "list[_Log]", began_us: Mapping[str, int], horizon_us: int) -> "Iterator[_Log]":
    while shut and began_us.get(shut[-1].writer, 0) <= horizon_us:
        yield shut.pop()


class _Log:
    """A log that is read on when what was read of it is used up."""

    def __init__(self, shelf: Shelf, writer: str, after: int, end: int, *, exact: bool) -> None:
        self.writer = writer
        self._shelf, self._after, self._end, self._exact = shelf, after, end, exact
        self.entries: list[Entry] = []

    async def fill(self) -> None:
        if not self.entries:
            self.entries = await self._shelf.log.stretch(self.writer, self._after, self._end, exact=self._exact)
            if self.entries:
                self._after = self.entries[-1].place.position
            elif self._after < self._end:
                where = f"log {self._shelf.space.identity} {Place(self.writer, self._after + 1)}"
                raise DamagedError(where, "nothing is there")

    def taken(self, horizon_us: int) -> list[Entry]:
        """Those up to a moment."""
        count = sum(entry.at_us <= horizon_us for entry in self.entries)
        taken, self.entries = self.entries[:count], self.entries[count:]
        return taken
