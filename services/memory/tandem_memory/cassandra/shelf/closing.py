"""Logs that nobody writes any more are closed, so that neither the table of writers nor cursors grow with every start of a replica.

A log is closed when its writer has left and all nodes have all of it. It gets the next number, by a lightweight transaction; then its
row goes from the table of writers, which says how many are closed. Everybody learns of them in that order.

A writer that did not say goodbye is taken to have left after a long silence, by which what it had sent has come or never will; should
some of it come all the same, it is behind the end of a closed log, where nothing counts. It was never acknowledged.
"""

import asyncio
from collections.abc import Sequence

from tandem_memory.cassandra.cluster.asking import Asking, Statement
from tandem_memory.cassandra.cluster.schema import FOR_GOOD
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Closed
from tandem_memory.cassandra.shelf.tails import Tails
from tandem_memory.cassandra.writers.beats import Heard


class Closing:
    """The closed logs of one namespace.

    Args:
        asking: The cluster.
        identity: Of the namespace.
        log: How entries are read.
        tails: Who is told of closed logs.
        heard: Who was heard of when.
        gone_s: How long a writer that said nothing may be silent.
    """

    def __init__(self, asking: Asking, identity: str, *, log: Log, tails: Tails, heard: Heard, gone_s: float) -> None:
        self._asking, self._identity = asking, identity
        self._log, self._tails, self._heard, self._gone_s = log, tails, heard, gone_s

    def due(self, writer: str) -> bool:
        """Whether a log may be closed, as far as this replica knows."""
        tail = self._tails.of[writer]
        return not tail.closed and tail.settled >= tail.position and (tail.ended or self._heard.unheard_s(writer) > self._gone_s)

    async def learn(self, count: int) -> None:
        """Have the first `count` closed logs be known."""
        known = len(self._tails.closed)
        if count <= known:
            return
        cql = "SELECT number, writer, position, began_at, ended_at FROM closed WHERE identity = ? AND number > ? AND number <= ?"
        # One that has a number and still stands among the writers, because who closed it was cut short, is not closed yet.
        for number, writer, position, began_us, ended_us in await self._asking.rows(cql, self._identity, known, count):
            if number == len(self._tails.closed) + 1:  # else somebody was faster, here
                self._tails.close(Closed(writer=writer, position=position, began_us=began_us, ended_us=ended_us))

    async def close(self, writers: Sequence[str]) -> None:
        """Close logs, but for those in which something follows after all."""
        for log in filter(None, await asyncio.gather(*map(self._to_its_end, writers))):
            await self._close(log)

    async def _to_its_end(self, writer: str) -> Closed | None:
        """A log, if its writer has left and this replica has read all of it."""
        tail = self._tails.of[writer]
        end = tail.position
        if not (tail.ended or await self._heard.left(writer)):
            return None
        if await self._log.stretch(writer, end, end + 1) or tail.position != end:
            return None  # that came late, and is read first
        return Closed(writer=writer, position=end, began_us=await self._began_us(writer, end), ended_us=self._tails.latest_us)

    async def _close(self, log: Closed) -> None:
        tail = self._tails.of[log.writer]
        while not tail.closed:
            number = len(self._tails.closed) + 1
            holder = await self._numbered(number, log)
            await self._strike_out(number, holder)
            if holder == log.writer and number == len(self._tails.closed) + 1:
                self._tails.close(log)
            else:
                await self.learn(number)

    async def _began_us(self, writer: str, end: int) -> int:
        first = await self._log.stretch(writer, 0, min(end, 1))
        return first[0].at_us if first else 0

    async def _numbered(self, number: int, log: Closed) -> str:
        """Whose log has a number, which is this one's if nobody was faster."""
        cql = "INSERT INTO closed (identity, number, writer, position, began_at, ended_at) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
        values = self._identity, number, log.writer, log.position, log.began_us, log.ended_us
        won, there = await self._asking.decided(cql, *values)
        return log.writer if won else there[-1]

    async def _strike_out(self, number: int, writer: str) -> None:
        """Take the row of a writer away, and say how many are closed; whoever closed it may not have come so far."""
        closed = Statement("UPDATE writers USING TIMESTAMP ? SET closed = ? WHERE identity = ?", (number, number, self._identity))
        gone = "DELETE FROM writers USING TIMESTAMP ? WHERE identity = ? AND writer = ?"
        row = Statement(gone, (FOR_GOOD, self._identity, writer))
        await self._asking.write([closed, row])
