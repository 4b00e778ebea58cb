"""How fast may we ask? A token bucket, as client-go has one: `qps` requests a second on the long run, `burst` of them at once.

Kopf and the client library have none of their own; without one a restart with thousands of runs would be a storm.
"""

import asyncio
from collections.abc import Callable


class Limiter:
    """Lets `qps` callers through a second, in the order in which they came."""

    def __init__(self, qps: float, burst: int, clock: Callable[[], float] | None = None) -> None:
        self._qps, self._burst = qps, float(burst)
        self._clock = clock or asyncio.get_running_loop().time
        self._tokens, self._at = self._burst, self._clock()
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when it is this caller's turn."""
        async with self._turn:
            while (missing_s := self.missing_s()) > 0:  # noqa: ASYNC110 - only time brings tokens
                await asyncio.sleep(missing_s)
            self._tokens -= 1

    def missing_s(self) -> float:
        """How long until there is a token; 0 when there is one."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._qps)
        self._at = now
        return max(0.0, (1 - self._tokens) / self._qps)
