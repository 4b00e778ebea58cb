"""Which runs are to be looked at, when: each at most once at a time, however often and for whatever reason it is asked for.

As in client-go's workqueue a run that changes while it is looked at is looked at again afterwards. Not all news is equal: what may ask
for a start or a stop comes first; what is only to be told (a pod came up) waits until nothing of that kind is due, but never long; and
looks that only progress asks for (steps, losses, the meter of what runs) have a pace, so that thousands of running runs do not keep the
API server busy. Few runs never notice it.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import Final

from .kube.informer import Key
from .kube.limiter import Limiter

_PROGRESS_QPS: Final = 3.0  # looks a second for progress alone, over all runs
_PROGRESS_BURST: Final = 100
_WORKERS: Final = 32
_SETTLES_S: Final = 0.3  # a pod that comes up is told of four times: placed, set up, pulled, running
_PATIENCE_S: Final = 30.0  # what is only to be told waits no longer than this, however many runs are to be started


_Wish = tuple[Key, bool]
"""A run that is to be looked at later, and whether it may wait until progress has its turn."""


class Queue:
    """The looks that are due."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: dict[Key, None] = {}
        self._untold: dict[Key, float] = {}
        self._progressed: dict[Key, None] = {}
        self._later: list[tuple[float, _Wish]] = []
        self._when: dict[_Wish, float] = {}
        self._at_work: set[Key] = set()
        self._asked, self._stepped = asyncio.Event(), asyncio.Event()
        self._ready = asyncio.Semaphore(0)

    @property
    def depth(self) -> int:
        """Runs that wait for a look that is due."""
        return len(self._due) + len(self._untold) + len(self._progressed)

    def add(self, key: Key) -> None:
        """Look at once: there may be something to do."""
        self._progressed.pop(key, None)
        if self._untold.pop(key, None) is None and key not in self._due and key not in self._at_work:
            self._ready.release()
        self._due[key] = None

    def add_untold(self, key: Key) -> None:
        """Look soon: there is something to tell, and most likely more to come."""
        self.add_later(key, _SETTLES_S)

    def add_progress(self, key: Key) -> None:
        """Look when progress has its turn."""
        if key not in self._due and key not in self._untold:
            self._progressed[key] = None
            self._stepped.set()

    def add_later(self, key: Key, wait_s: float, *, with_progress: bool = False) -> None:
        """Look in a while, unless there is another reason before; the earliest of several wishes holds.

        A look fulfils every wish that was there when it began. One `with_progress` waits then until that has its turn.
        """
        if wait_s <= 0:
            self.add(key)
            return
        when, wish = self._loop.time() + wait_s, (key, with_progress)
        if key in self._due or self._when.get(wish, float("inf")) <= when:
            return
        self._when[wish] = when
        heapq.heappush(self._later, (when, wish))
        self._asked.set()

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
            key = self._next()
            if key is None:
                continue
            for with_progress in (False, True):
                self._when.pop((key, with_progress), None)
            self._at_work.add(key)
            try:
                await look(key)
            finally:
                self._at_work.discard(key)
                if key in self._due or key in self._untold:
                    self._ready.release()

    def _next(self) -> Key | None:
        """What comes first of what nobody is looking at: what has waited too long, what may be urgent, then the rest."""
        now = self._loop.time()
        oldest = next(((key, since) for key, since in self._untold.items() if key not in self._at_work), None)
        urgent = next((key for key in self._due if key not in self._at_work), None)
        if oldest and (urgent is None or now - oldest[1] > _PATIENCE_S):
            del self._untold[oldest[0]]
            return oldest[0]
        if urgent is not None:
            del self._due[urgent]
        return urgent

    async def _wake(self) -> None:
        """Hand on what has waited long enough."""
        while True:
            self._asked.clear()
            now = self._loop.time()
            while self._later and self._later[0][0] <= now:
                when, (key, with_progress) = heapq.heappop(self._later)
                if self._when.get((key, with_progress)) == when:
                    del self._when[key, with_progress]
                    (self.add_progress if with_progress else self._tell)(key)
            try:
                await asyncio.wait_for(self._asked.wait(), self._later[0][0] - now if self._later else None)
            except TimeoutError:
                continue

    def _tell(self, key: Key) -> None:
        self._progressed.pop(key, None)
        if key in self._due or key in self._untold:
            return
        self._untold[key] = self._loop.time()
        if key not in self._at_work:
            self._ready.release()

    async def _pace(self) -> None:
        limiter = Limiter(_PROGRESS_QPS, _PROGRESS_BURST)
        while True:
            await self._stepped.wait()
            self._stepped.clear()
            while self._progressed:
                await limiter.wait()
                if key := next(iter(self._progressed), None):
                    self._tell(key)
