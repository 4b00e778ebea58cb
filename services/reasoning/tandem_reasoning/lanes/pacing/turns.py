"""Decides whose turn it is when several workers want more than there is: nobody gets far ahead of another who is waiting. Pure.

As start-time fair queueing has it (Goyal, Vin and Cheng 1996): each worker has a count of what it was given; one that comes anew, or comes
back, begins where the least served of those who wait stands, so that it can neither save up turns nor be made to catch up.
"""

import heapq

AHEAD = 8
"""Permits by which one worker may be ahead of another who waits: so many that none lies idle until that one is back."""
PATIENCE_S = 1.0
"""How much later than told a worker may come back and still be counted as waiting."""


class Turns:
    """What each worker was given, and when those who were put off are to come back."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._promises: dict[str, list[float]] = {}
        self._seen: dict[str, float] = {}

    def came(self, worker: str, now: float) -> None:
        """A worker asks, before all else that is said of it; if one of its calls was to come back by now, it is taken for that one."""
        others = self._waiting(now, without=worker)
        promises = self._promises.get(worker)
        if worker not in self._seen or (not promises and self._seen[worker] + PATIENCE_S < now):  # it is new, or was away
            self._given[worker] = max(self._given.get(worker, 0), min((self._given[each] for each in others), default=0))
        self._seen[worker] = now
        if promises and promises[0] <= now:
            heapq.heappop(promises)

    def may_have(self, worker: str, now: float) -> bool:
        """Whether it is this worker's turn."""
        others = self._waiting(now, without=worker)
        return not others or self._given[worker] < min(self._given[each] for each in others) + AHEAD

    def gave(self, worker: str) -> None:
        """It has one more."""
        self._given[worker] += 1

    def before(self, worker: str, now: float) -> int:
        """How many turns go before the next of its calls that waits, if all who wait are served in turn."""
        others = self._waiting(now, without=worker)
        return len(self._promises.get(worker, ())) * (len(others) + 1)

    def put_off(self, worker: str, now: float, wait_s: float) -> None:
        """One of its calls was told to come back after `wait_s`."""
        heapq.heappush(self._promises.setdefault(worker, []), now + wait_s)
        self._seen[worker] = max(self._seen[worker], now + wait_s)

    def forget(self, worker: str) -> None:
        """It is gone."""
        for kept in (self._given, self._promises, self._seen):
            kept.pop(worker, None)

    def _waiting(self, now: float, *, without: str) -> list[str]:
        """Other workers of whom a call is to come back, and who are not so late that they are taken for gone."""
        for worker, promises in list(self._promises.items()):
            while promises and promises[0] + PATIENCE_S < now:
                heapq.heappop(promises)
            if not promises:
                del self._promises[worker]
        return [worker for worker in self._promises if worker != without]
