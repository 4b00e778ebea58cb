"""How soon may the next look at mere progress be made? As soon as there is processor time for it.

Progress may take what all the rest leaves of a share of one core. What is measured is the time of the whole process, so a look costs what
it costs, with all that follows on it, on whatever machine, and whoever starts a thousand runs is not kept waiting by steps and losses. Up
to a hundred runs have a look every ten seconds in any case, which is as often as they speak; a thousand, whose looks take 4 ms each, have
one every six minutes; beyond that each run brings its part of the share, so that status gets no older however many there are.
"""

import time
from collections.abc import Callable
from typing import Final

_SHARE: Final = 0.026  # of a core, for everything, on the long run: the aim is 3 % of each minute, with a thousand runs that report
_RUNS: Final = 1000  # for so many; of more, each adds a thousandth
_LOOKS: Final = 20.0  # a second at most: what a look costs is known when it is over, not before
_LEAST: Final = 1.0  # a second at least, for a thousand runs, however busy the operator is: more for fewer,
_MOST_LEAST: Final = 10.0  # up to this: a hundred runs, each every ten seconds
_SAVED_S: Final = 0.15  # processor time that a quiet time leaves for the next burst: some thirty looks
_OWED_S: Final = 0.25  # and what a busy time takes from it: then ten seconds of mere progress are left out


class Pace:
    """The processor time that there is for progress."""

    def __init__(self, clock: Callable[[], float], spent: Callable[[], float] = time.process_time) -> None:
        """Begin with as much as can be saved; `clock` gives seconds, `spent` the processor time of this process in seconds."""
        self._clock, self._spent = clock, spent
        self._left_s = _SAVED_S
        self._at, self._spent_s = clock(), spent()
        self._looked_at = float("-inf")

    def looked(self) -> None:
        """A look at progress begins."""
        self._looked_at = self._clock()

    def wait_s(self, waiting: int) -> float:
        """How long until the next look, while so many runs wait for one; 0 when it may begin."""
        many = max(1.0, waiting / _RUNS)
        self._settle(_SHARE * many)
        since_s, shortest_s = self._at - self._looked_at, 1 / (_LOOKS * many)
        longest_s = 1 / max(_LEAST * many, min(_MOST_LEAST, _LEAST * _RUNS / max(1, waiting)))
        owed_s = max(shortest_s, -self._left_s / (_SHARE * many)) if self._left_s < 0 else 0.0
        return max(0.0, shortest_s - since_s, min(longest_s - since_s, owed_s))

    def _settle(self, share: float) -> None:
        """Take into account what was given and what was spent since the last time."""
        now, spent_s = self._clock(), self._spent()
        left_s = self._left_s + share * (now - self._at) - (spent_s - self._spent_s)
        self._left_s = min(_SAVED_S, max(-_OWED_S, left_s))
        self._at, self._spent_s = now, spent_s
