"""Group commit: all jobs that wait become durable together, by one sync of the disk for all of them.

While one group is on its way to the disk, the next one gathers. A group that fails is tried again job by job, so that
nobody pays for what somebody else handed in.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from tandem_memory.backend import StoreUnsureError
from tandem_memory.backend.settling import settle
from tandem_memory.store import Added, Effect, Job, Store

# A group is done once it has so much to write: more would make the first of it wait without sparing syncs that count.
_MOST_BYTES = 16 << 20
_MOST_JOBS = 4096
# Of what a group took: for so long at most the next one waits for those who are likely to come, unless that was in vain the last time.
# With a quarter of it, each of eight writers who do nothing else had to wait for every second sync.
_PATIENCE, _PATIENCE_S = 1.0, 0.05

_T = TypeVar("_T")

Committed: TypeAlias = Callable[[int, float], None]
"""Hears of each group that became durable: how many new records it was for, and how many seconds it took."""

_log = logging.getLogger(__name__)


def not_counted(records: int, seconds: float) -> None:
    """Nobody hears of it."""


class Learner(Protocol):
    """Hears of what has become durable."""

    def learn(self, effects: Sequence[Effect]) -> None:
        """Hear of a group."""
        ...

    def catch_up(self) -> None:
        """Look for what one was not told of."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    job: Job[Any]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Any]"


class Committer:
    """The one thread that writes.

    Args:
        store: Where to.
        learners: Make effects visible to searches before a job is answered, one after the other.
        told: Called on the event loop after each group, with the effects.
        committed: Called by the thread that writes.
    """

    def __init__(
        self, store: Store, learners: Sequence[Learner], told: Callable[[Sequence[Effect]], None], *, committed: Committed = not_counted
    ) -> None:
        self._store, self._learners, self._told, self._committed = store, learners, told, committed
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = False
        self._likely, self._likely_until_s = 0, 0.0
        self._in_vain = False
        self._thread = threading.Thread(target=self._run, name="memory-committer", daemon=True)
        self._thread.start()

    async def do(self, job: Job[_T]) -> _T:
        """Have a job done, and return what it returned once that is durable and visible.

        Raises:
            StoreFullError, or what the job was refused with: nothing of it was done.
            StoreUnsureError: it was, and may be gone after a power cut.
        """
        if self._closing:
            msg = "the store is closing: nothing more is taken in"
            raise RuntimeError(msg)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(job=job, loop=loop, answer=loop.create_future())
        self._queue.put(waiting)
        return cast("_T", await waiting.answer)

    def close(self) -> None:
        """Do what waits, and end."""
        self._closing = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            group, going_on = self._gathered()
            if group:
                began_s = time.monotonic()
                whole = self._commit(group)
                self._expect(time.monotonic() - began_s if whole and not self._in_vain else 0.0)

    def _expect(self, took_s: float) -> None:
        """Who was answered is likely to come again at once, beside those who came meanwhile.

        If none waited for the other, writers would fall apart into two halves that take turns, with half a group in each sync.
        """
        self._likely_until_s = time.monotonic() + min(_PATIENCE * took_s, _PATIENCE_S)

    def _gathered(self) -> tuple[list[_Waiting], bool]:
        """The next group, and whether there is one after it."""
        group, weight, self._in_vain = list[_Waiting](), 0, False
        following = self._queue.get()
        while following is not None:
            group.append(following)
            weight += following.job.weight_bytes
            if weight >= _MOST_BYTES or len(group) >= _MOST_JOBS:
                return group, True
            patience_s = self._patience_s(len(group))
            try:
                following = self._queue.get(timeout=patience_s)
            except queue.Empty:
                self._in_vain = patience_s > 0
                return group, True
        return group, False

    def _patience_s(self, gathered: int) -> float:
        """How long to wait for one more: not at all, unless some of those who are likely to come are not here yet."""
        left_s = self._likely_until_s - time.monotonic()
        return left_s if gathered < self._likely and left_s > 0 else 0

    def _commit(self, group: Sequence[_Waiting]) -> bool:
        """Whether all of it was done at once."""
        began_s = time.monotonic()
        try:
            committed = self._store.commit([waiting.job for waiting in group])
        except StoreUnsureError as error:
            self._learned([each.catch_up for each in self._learners])
            self._answer(group, [each if isinstance(each, Exception) else error for each in error.done.outcomes], error.done.effects)
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._learned([each.catch_up for each in self._learners])  # some of it may be there, and is not done a second time
            if len(group) > 1:
                for waiting in group:
                    self._commit([waiting])
            else:
                self._answer(group, [error], ())
            return False
        failure = self._learned([partial(each.learn, committed.effects) for each in self._learners])
        self._committed(sum(len(each.records) for each in committed.effects if isinstance(each, Added)), time.monotonic() - began_s)
        # What is durable and not searched is not done: who hands it in again under its key is told its id.
        self._answer(group, [failure] * len(group) if failure else committed.outcomes, committed.effects)
        return True

    def _learned(self, learn: Sequence[Callable[[], None]]) -> Exception | None:
        """What went wrong, if anything."""
        try:
            for each in learn:
                each()
        except Exception as error:  # noqa: BLE001 - the thread goes on for all others
            _log.exception("the indexes did not take in what is durable; start anew to have them built from the log")
            return error
        return None

    def _answer(self, group: Sequence[_Waiting], outcomes: Sequence[Any], effects: Sequence[Effect]) -> None:
        """Wake all who wait by one call into the event loop."""
        self._likely = len(group) + self._queue.qsize()  # counted before any of them can have come again, who would be counted twice

        def on_the_loop() -> None:
            for waiting, outcome in zip(group, outcomes, strict=True):
                settle(waiting.answer, outcome)
            self._told(effects)

        group[0].loop.call_soon_threadsafe(on_the_loop)
