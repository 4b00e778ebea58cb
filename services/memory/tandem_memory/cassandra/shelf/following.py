"""How a replica reads on in the logs of others, so that all that was acknowledged before it began to is known when it is through.

Logs are read side by side, so one of them may be read before something is written into it, and another after that was judged or removed
there. So where a log tells of a record that is not known yet, the record's log is read on up to it first: what is there by then.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.shelf.closing import Closing
from tandem_memory.cassandra.shelf.tails import Tails
from tandem_memory.cassandra.writers.beats import Heard

_END = 1 << 62  # no log comes so far


class _Row(NamedTuple):
    """What everybody knows of a log; with no writer, when there is none, only how many logs are closed."""

    closed: int | None
    writer: str | None
    settled: int | None
    settled_us: int | None
    ended: bool | None
    beat: int | None


@dataclass(slots=True, kw_only=True)
class Following:
    """Reads on.

    Attributes:
        asking: The cluster.
        identity: Of the namespace.
        log: How entries are read.
        tails: Who learns of them.
        heard: Who was heard of when.
        closing: Who learns of closed logs.
        own: Whether a log is written by this replica, which knows what is in it.
        late_s: How often logs of writers that are not heard of any more are read.
        clock: Seconds that pass.
        learned: Called when something of a log has been read.
        read: Called when all logs have been.
    """

    asking: Asking
    identity: str
    log: Log
    tails: Tails
    heard: Heard
    closing: Closing
    own: Callable[[str], bool]
    late_s: float
    clock: Callable[[], float]
    learned: Callable[[], object]
    read: Callable[[], object]
    _reading: "asyncio.Task[None] | None" = None
    _queued: "asyncio.Task[None] | None" = None
    _read_s: float = float("-inf")
    _looked_s: dict[str, float] = field(default_factory=dict[str, float])

    async def refresh(self, older_than_s: float = 0.0) -> None:
        """Read on in all logs, so that all that was acknowledged before this call is known; unless that was done a moment ago."""
        if self.clock() - self._read_s < older_than_s:
            return
        if self._queued is None:
            self._queued = asyncio.create_task(self._read_next(self._reading))
        await asyncio.shield(self._queued)

    def look_again(self, writer: str) -> None:
        """Have a log be read the next time, also where its writer has long been silent."""
        self._looked_s.pop(writer, None)

    async def _read_next(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            with suppress(Exception):  # whoever waits for it hears of it
                await asyncio.shield(before)
        self._reading, self._queued = self._queued, None
        began_s = self.clock()
        cql = "SELECT closed, writer, settled, settled_at, ended, beat FROM writers WHERE identity = ?"
        rows = [_Row(*row) for row in await self.asking.rows(cql, self.identity)]
        await self.closing.learn(max((row.closed or 0 for row in rows), default=0))
        await asyncio.gather(*(self._read_on(row.writer, row) for row in rows if row.writer))
        self._read_s = began_s
        self.read()

    async def _read_on(self, writer: str, row: _Row) -> None:
        self.heard.hear(writer, row.beat)
        settled, settled_us = row.settled or 0, row.settled_us or 0
        tail = self.tails.begin(writer, settled, settled_us)
        if self.own(writer) or tail.ended:
            return
        self.tails.settle(writer, settled, settled_us)
        if self._read_to_its_end(writer):
            return
        self._looked_s[writer] = self.clock()
        await self._learn(writer, _END)
        tail.ended = bool(row.ended)

    def _read_to_its_end(self, writer: str) -> bool:
        """Whether a log was read after its writer had last been heard of; what may have come late is looked for now and then."""
        looked_s = self._looked_s.get(writer, float("-inf"))
        return looked_s > self.heard.silent_from_s(writer) and self.clock() - looked_s < self.late_s

    async def _learn(self, writer: str, until: int) -> None:
        """Learn what follows in a log, up to `until`; and before it what it tells of in other logs, which was written before it."""
        tail = self.tails.begin(writer, 0, 0)
        while entries := await self.log.stretch(writer, tail.position, until, exact=True):
            for place in _told_of(entries):
                if not (self.tails.holds(place) or self.own(place.writer) or place.writer == writer):
                    await self._learn(place.writer, place.position)
            self.tails.learn(writer, [entry for entry in entries if entry.place.position > tail.position])  # some may be known meanwhile
            self.learned()


def _told_of(entries: Iterable[Entry]) -> Iterator[Place]:
    """Records that were judged or removed."""
    for entry in entries:
        if entry.kind == Kind.CHANGE and (change := entry.change) is not None:
            yield from filter(None, map(Place.of, (*change.pruned.ids, *([change.judged.id] if change.HasField("judged") else []))))
