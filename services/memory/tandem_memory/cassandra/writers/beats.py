"""Whether a writer may still write: it says that it is there before it does, and others give it up when it has not for long.

So who follows a log reads it only while its writer is heard of. No two clocks are compared. A writer acknowledges what it wrote
within `lease_s` of its last beat, by its own clock; another gives it up after it has seen the same beat for twice as long, by its own.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.cassandra.log.places import replica_of

_BEATS_A_LEASE = 3


class Beats:
    """The beats of a log that this replica writes of a namespace."""

    def __init__(self, asking: Asking, identity: str, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._asking, self._identity, self._lease_s, self._clock = asking, identity, lease_s, clock
        self._writer, self._beat, self._breaks, self._since_s = "", 0, 0, float("-inf")

    async def may_go_on(self, writer: str) -> bool:
        """Say that a writer is there; whether nobody takes it to have left since it was last heard of.

        Who closes a log notes that in its row, then looks for a beat. Here that is the other way round, so that one sees the other.
        """
        begins, breaks = writer != self._writer, self._breaks
        if begins:
            self._writer, self._beat, self._since_s = writer, 0, float("-inf")
        await self._beat_now()
        if begins or self._breaks == breaks:
            return True
        cql = "SELECT beat, leaving FROM writers WHERE identity = ? AND writer = ?"
        rows = await self._asking.rows(cql, self._identity, writer)
        return any(beat is not None and not leaving for beat, leaving in rows)

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[Callable[[], bool]]:
        """Have the writer that may go on be heard of for as long as this lasts.

        What it gives tells whether nobody can have given that writer up since this began.
        """
        breaks, beating = self._breaks, list[asyncio.Task[None]]()
        # A task only where it takes so long: most writes are through by then, and one that begins and ends takes 50 us of 1.6 ms a record.
        due = asyncio.get_running_loop().call_later(
            self._lease_s / _BEATS_A_LEASE, lambda: beating.append(asyncio.create_task(self._keep_beating()))
        )
        try:
            yield lambda: self._breaks == breaks and self._clock() - self._since_s < self._lease_s
        finally:
            due.cancel()
            for task in beating:
                task.cancel()
                with suppress(asyncio.CancelledError, StoreUnavailableError):
                    await task

    async def _keep_beating(self) -> None:
        while True:
            await self._beat_now()
            await asyncio.sleep(self._lease_s / _BEATS_A_LEASE)

    async def _beat_now(self) -> None:
        """Say that this writer is there, unless it did a moment ago."""
        now_s = self._clock()
        if now_s - self._since_s < self._lease_s / (_BEATS_A_LEASE + 1):
            return
        self._beat += 1
        cql = "UPDATE writers USING TIMESTAMP ? SET beat = ? WHERE identity = ? AND writer = ?"
        await self._asking.rows(cql, self._beat, self._beat, self._identity, self._writer)
        # What counts is when it was sent; and a beat that comes after the lease has run out does not mend what was before it.
        self._breaks += self._clock() - self._since_s >= self._lease_s
        self._since_s = max(self._since_s, now_s)


class Heard:
    """The beats of logs of a namespace, as this replica, `own`, has heard them."""

    def __init__(self, asking: Asking, identity: str, lease_s: float, own: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._asking, self._identity, self._lease_s, self._own, self._clock = asking, identity, lease_s, own, clock
        self._last: dict[str, tuple[int | None, float]] = {}

    def hear(self, writer: str, beat: int | None) -> None:
        """Note a beat that was read."""
        if self._last.get(writer, (-1, 0))[0] != beat:
            self._last[writer] = (beat, self._clock())

    def silent_from_s(self, writer: str) -> float:
        """From when on, by the clock of this replica, a writer acknowledges nothing unless it is heard of again."""
        return self._last[writer][1] + 2 * self._lease_s

    def unheard_s(self, writer: str) -> float:
        """For how long, by the clock of this replica, nothing new was heard of a writer, nor of any other of its replica: it may only rest.

        Of this replica itself each log counts alone: what it does not write any more it has given up.
        """
        whose = replica_of(writer)
        near = [writer] if whose == self._own else [each for each in self._last if replica_of(each) == whose]
        heard_s = [self._last[each][1] for each in near if each in self._last]
        return self._clock() - max(heard_s) if heard_s else 0.0

    async def given_up(self, writer: str) -> bool:
        """Whether a writer has not been heard of for so long that it acknowledges nothing any more."""
        cql = "SELECT beat FROM writers WHERE identity = ? AND writer = ?"
        rows = await self._asking.rows(cql, self._identity, writer)
        self.hear(writer, rows[0][0] if rows else None)
        return self._clock() > self.silent_from_s(writer)

    async def left(self, writer: str) -> bool:
        """Whether a writer that was not heard of for so long will never be again: if it comes back, it goes on in a new log."""
        cql = "UPDATE writers USING TIMESTAMP 2 SET leaving = true WHERE identity = ? AND writer = ?"
        await self._asking.rows(cql, self._identity, writer)
        return await self.given_up(writer)
