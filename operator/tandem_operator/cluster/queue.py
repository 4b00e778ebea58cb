"""Which runs are to be looked at, when: each at most once at a time, however often and for whatever reason it is asked for.

As in client-go's workqueue a run that changes while it is looked at is looked at again afterwards. Looks that only progress asks
for (steps, losses) have a lane of their own with a pace, so that thousands of running runs cannot crowd out the one that must stop.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import Final

from .kube.informer import Key
from .kube.limiter import Limiter

_PROGRESS_QPS: Final = 10.0  # looks a second for progress alone, over all runs
_PROGRESS_BURST: Final = 100
_WORKERS: Final = 32


class Queue:
    """The looks that are due."""

    def __init__(self) -> None:
        self._due: dict[Key, None] = {}
        self._progressed: dict[Key, None] = {}
        self._later: list[tuple[float, Key]] = []
        self._when: dict[Key, float] = {}
        self._at_work: set[Key] = set()
        self._asked = asyncio.Event()
        self._told = asyncio.Event()
        self._ready = asyncio.Semaphore(0)

    @property
    def depth(self) -> int:
        """Runs that wait for a look that is due."""
        return len(self._due) + len(self._progressed)

    def add(self, key: Key) -> None:
        """Look at once."""
        self._progressed.pop(key, None)
        self._when.pop(key, None)
        if key not in self._due:
            self._due[key] = None
            if key not in self._at_work:
                self._ready.release()

    def add_progress(self, key: Key) -> None:
        """Look when progress has its turn."""
        if key not in self._due:
            self._progressed[key] = None
            self._told.set()

    def add_later(self, key: Key, wait_s: float) -> None:
        """Look in a while, unless there is another reason before; the earliest of several wishes holds."""
        if wait_s <= 0:
            self.add(key)
            return
        when = asyncio.get_running_loop().time() + wait_s
        if key in self._due or self._when.get(key, float("inf")) <= when:
            return
        self._when[key] = when
        heapq.heappush(self._later, (when, key))
        self._asked.set()

    def forget(self, key: Key) -> None:
        """Not to be looked at any more."""
        self._progressed.pop(key, None)
        self._when.pop(key, None)

    async def work(self, look: Callable[[Key], Awaitable[None]]) -> None:
        """Have `look` called for every run that is due, several at a time, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake())
            group.create_task(self._pace())
            for _ in range(_WORKERS):
                group.create_task(self._serve(look))

    async def _serve(self, look: Callable[[Key], Awaitable[None]]) -> None:
        while True:
            await self._ready.acquire()
            key = next((key for key in self._due if key not in self._at_work), None)
            if key is None:
                continue
            del self._due[key]
            self._at_work.add(key)
            try:
                await look(key)
            finally:
                self._at_work.discard(key)
                if key in self._due:
                    self._ready.release()

    async def _wake(self) -> None:
        """Make due what has waited long enough."""
        loop = asyncio.get_running_loop()
        while True:
            self._asked.clear()
            now = loop.time()
            while self._later and self._later[0][0] <= now:
                when, key = heapq.heappop(self._later)
                if self._when.get(key) == when:
                    self.add(key)
            timeout_s = self._later[0][0] - now if self._later else None
            try:
                await asyncio.wait_for(self._asked.wait(), timeout_s)
            except TimeoutError:
                continue

    async def _pace(self) -> None:
        limiter = Limiter(_PROGRESS_QPS, _PROGRESS_BURST)
        while True:
            await self._told.wait()
            self._told.clear()
            while self._progressed:
                await limiter.wait()
                if key := next(iter(self._progressed), None):
                    self.add(key)
