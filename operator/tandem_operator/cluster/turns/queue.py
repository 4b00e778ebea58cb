"""Which runs are to be looked at, when: each at most once at a time, however often and for whatever reason it is asked for.

As in client-go's workqueue a run that changes while it is looked at is looked at again afterwards. Not all news is equal: what may ask
for a start or a stop comes first; what is only to be told waits until nothing of that kind is due, but never long; if it is that all goes
well (a pod came up), also until a crowd of runs is started; and looks that only progress asks for (steps, losses, the meter of what runs)
have a pace (`pace.py`), so that thousands of running runs do not keep the API server busy. What people rely on after a loss, such as a
new checkpoint, is no mere progress and waits for no pace.
"""

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum, auto
from typing import Final

from tandem_operator.cluster.kube.informer import Key

from .crowd import Crowd
from .pace import Pace

_WORKERS: Final = 32
_SETTLES_S: Final = 0.3  # a pod that comes up is told of four times: placed, set up, pulled, running
_PATIENCE_S: Final = 30.0  # what is only to be told waits no longer than this, however many looks are urgent
_CROWD_PATIENCE_S: Final = 120.0  # that all goes well waits so long for a crowd: five thousand runs are started by then
_STALE: Final = 2  # times as many entries as wishes, and some: then those that no wish stands behind any more are thrown out
_SOME: Final = 16
_NEVER: Final = float("inf")


class Turn(IntEnum):
    """When a look that is due has its turn."""

    SOON = auto()
    """Once nothing urgent is due."""
    LULL = auto()
    """The same, and no crowd of runs is being started."""
    PROGRESS = auto()
    """When progress has its own."""


_Wish = tuple[Key, Turn]
"""A run that is to be looked at later, and what that look may wait for then."""


class Queue:
    """The looks that are due."""

    def __init__(self, spent: Callable[[], float] = time.process_time) -> None:
        """Begin with none; `spent` tells the processor time that this process has used, in seconds."""
        self._loop = asyncio.get_running_loop()
        self._of_progress = Pace(self._loop.time, spent)
        self._due: dict[Key, None] = {}
        self._untold: dict[Key, float] = {}
        self._progressed: dict[Key, None] = {}
        self._later: list[tuple[float, _Wish]] = []
        self._when: dict[_Wish, float] = {}
        self._held: dict[Key, float] = {}
        self._crowd = Crowd()
        self._at_work: set[Key] = set()
        self._asked, self._stepped, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._resting = False
        self._ready = asyncio.Semaphore(0)

    @property
    def depth(self) -> int:
        """Runs that wait for a look that is due."""
        return len(self._due) + len(self._untold) + len(self._held) + len(self._progressed)

    @property
    def wishes(self) -> int:
        """Entries for looks that are to come, those that no wish stands behind any more included."""
        return len(self._later)

    def add_new(self, key: Key) -> None:
        """Look at once at a run that has just come."""
        self._crowd.came(self._loop.time())
        self.add(key)

    def add(self, key: Key) -> None:
        """Look at once: there may be something to do."""
        self._progressed.pop(key, None)
        if self._untold.pop(key, None) is None and key not in self._due and key not in self._at_work:
            self._ready.release()
        self._due[key] = None

    def add_untold(self, key: Key) -> None:
        """Look soon: there is something good to tell, and most likely more to come."""
        self.add_later(key, _SETTLES_S, Turn.LULL)

    def add_reached(self, key: Key) -> None:
        """Look once nothing urgent is due: its workers have reached what people rely on."""
        self._tell(key)

    def add_progress(self, key: Key) -> None:
        """Look when progress has its turn."""
        if key not in self._due and key not in self._untold:
            self._progressed[key] = None
            self._stepped.set()

    def add_later(self, key: Key, wait_s: float, turn: Turn = Turn.SOON) -> None:
        """Look in a while, when it is its turn then, unless there is another reason before; the earliest of several wishes holds.

        A look fulfils every wish that was there when it began.
        """
        if wait_s <= 0:
            self.add(key)
            return
        when, wish = self._loop.time() + wait_s, (key, turn)
        if key in self._due or self._when.get(wish, float("inf")) <= when:
            return
        self._when[wish] = when
        heapq.heappush(self._later, (when, wish))
        self._asked.set()
        if len(self._later) > _STALE * len(self._when) + _SOME:
            self._later = [(when, wish) for wish, when in self._when.items()]
            heapq.heapify(self._later)

    async def work(self, look: Callable[[Key], Awaitable[None]]) -> None:
        """Have `look` called for every run that is due, several at a time, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake())
            group.create_task(self._pace())
            for _ in range(_WORKERS):
                group.create_task(self._serve(look))

    async def rest(self, within_s: float) -> None:
        """Begin no more looks, and return when those that have begun are over, or after so long."""
        self._resting = True
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._at_work:
                    self._over.clear()
                    await self._over.wait()

    async def _serve(self, look: Callable[[Key], Awaitable[None]]) -> None:
        while True:
            await self._ready.acquire()
            key = None if self._resting else self._next()
            if key is None:
                continue
            for turn in Turn:
                self._when.pop((key, turn), None)
            self._held.pop(key, None)
            self._at_work.add(key)
            try:
                await look(key)
            finally:
                self._at_work.discard(key)
                self._over.set()
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
                when, wish = heapq.heappop(self._later)
                if self._when.get(wish) == when:
                    del self._when[wish]
                    self._hand_on(*wish, now)
            again_s = self._let_in(now)
            if self._later:
                again_s = min(again_s, self._later[0][0] - now)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if again_s == _NEVER else again_s):
                    await self._asked.wait()

    def _hand_on(self, key: Key, turn: Turn, now: float) -> None:
        if turn is Turn.PROGRESS:
            self.add_progress(key)
        elif turn is Turn.LULL and self._crowd.lasts_s(now):
            self._held.setdefault(key, now)
        else:
            self._tell(key)

    def _let_in(self, now: float) -> float:
        """Hand on what is held back no longer: all of it in a lull, else what has waited too long. When to come again."""
        lasts_s = self._crowd.lasts_s(now)
        while self._held:
            key, since = next(iter(self._held.items()))
            if lasts_s and now - since < _CROWD_PATIENCE_S:
                return min(lasts_s, since + _CROWD_PATIENCE_S - now)
            del self._held[key]
            self._tell(key)
        return _NEVER

    def _tell(self, key: Key) -> None:
        self._progressed.pop(key, None)
        if key in self._due or key in self._untold:
            return
        self._untold[key] = self._loop.time()
        if key not in self._at_work:
            self._ready.release()

    async def _pace(self) -> None:
        """Hand on what has progressed, each in its turn."""
        while True:
            await self._stepped.wait()
            self._stepped.clear()
            while self._progressed:
                if wait_s := self._of_progress.wait_s(len(self._progressed)):
                    await asyncio.sleep(wait_s)
                else:
                    self._of_progress.looked()
                    self._tell(next(iter(self._progressed)))
