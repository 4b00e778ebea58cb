"""What is kept, counted for scrapes: seldom where counting is dear.

Somebody scrapes every few seconds, and a cluster reads all its records to count them. So a count is good for a hundred times as long
as it took, and counting takes at most a hundredth of anybody's time.
"""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, TimeoutError  # noqa: A004 - which is what a `Future` raises in Python 3.11
from typing import NamedTuple

from tandem.memory.v1.memory_pb2 import Namespace

from tandem_memory.backend import DamagedError, StoreUnavailableError

_GOOD_FOR = 100  # times as long as it took
_PATIENCE_S = 5.0  # of a scrape; Prometheus gives it 10


class Kept(NamedTuple):
    """How many there are; NaN when it is not known."""

    records: float
    namespaces: float


_UNKNOWN = Kept(math.nan, math.nan)


class Counting:
    """Counts, asked by the threads of scrapes.

    Args:
        namespaces: All there are, counted; called on `loop`.
        loop: That of the backend.
        clock: Seconds.
    """

    def __init__(
        self,
        namespaces: Callable[[], Awaitable[Sequence[Namespace]]],
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._namespaces, self._loop, self._clock = namespaces, loop, clock
        self._last, self._good_until_s = _UNKNOWN, -math.inf
        self._counting: Future[None] | None = None
        self._beginning = threading.Lock()

    def kept(self) -> Kept:
        """The last count, or a new one when that is too old; while one takes long, what was known before."""
        with self._beginning:
            if (self._counting is None or self._counting.done()) and self._clock() >= self._good_until_s:
                self._counting = asyncio.run_coroutine_threadsafe(self._count(), self._loop)
            counting = self._counting
        try:
            if counting is not None:
                counting.result(_PATIENCE_S)
        except TimeoutError:
            pass  # it goes on, and a later scrape has it
        return self._last

    async def _count(self) -> None:
        began_s = self._clock()
        try:
            namespaces = await self._namespaces()
            self._last = Kept(sum(each.records for each in namespaces), len(namespaces))
        except (StoreUnavailableError, DamagedError):
            self._last = _UNKNOWN
        ended_s = self._clock()
        self._good_until_s = ended_s + _GOOD_FOR * (ended_s - began_s)
