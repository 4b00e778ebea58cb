"""Whether a replica may still write: it says that it is there before it does, and others give it up when it has not for long.

No two clocks are compared. A replica acknowledges what it wrote within `lease_s` of its last beat, by its own clock; another gives
it up after it has seen the same beat for twice as long, by its own.
"""

# ruff: noqa: S608 - the names in statements are ours; values are bound

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra.asking import Asking

_BEATS_A_LEASE = 3
_KEPT_S = 86_400  # a beat; who has none is given up


class Beats:
    """The beats of this replica and of others."""

    def __init__(self, asking: Asking, replica: str, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._asking, self._replica, self._lease_s, self._clock = asking, replica, lease_s, clock
        self._beat, self._breaks, self._since_s = 0, 0, float("-inf")
        self._heard: dict[str, tuple[int, float]] = {}

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[Callable[[], bool]]:
        """Be heard of as long as this lasts; what it gives tells whether nobody can have given this replica up since it began."""
        await self._beat_now()
        breaks, beating = self._breaks, asyncio.create_task(self._keep_beating())
        try:
            yield lambda: self._breaks == breaks and self._clock() - self._since_s < self._lease_s
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError, StoreUnavailableError):
                await beating

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / _BEATS_A_LEASE)
            await self._beat_now()

    async def _beat_now(self) -> None:
        """Say that this replica is there, unless it did a moment ago."""
        now_s = self._clock()
        if now_s - self._since_s < self._lease_s / (_BEATS_A_LEASE + 1):
            return
        self._beat += 1
        cql = f"INSERT INTO beats (replica, beat) VALUES (?, ?) USING TIMESTAMP ? AND TTL {_KEPT_S}"
        await self._asking.rows(cql, self._replica, self._beat, self._beat)
        # What counts is when it was sent; and a beat that comes after the lease has run out does not mend what was before it.
        self._breaks += self._clock() - self._since_s >= self._lease_s
        self._since_s = max(self._since_s, now_s)

    async def given_up(self, replica: str) -> bool:
        """Whether a replica has not been heard of for so long that it will acknowledge nothing any more."""
        rows = await self._asking.rows("SELECT beat FROM beats WHERE replica = ?", replica)
        if not rows:
            return True
        beat, now_s = rows[0][0], self._clock()
        known = self._heard.get(replica)
        if known is None or known[0] != beat:
            self._heard[replica] = (beat, now_s)
            return False
        return now_s - known[1] > 2 * self._lease_s
