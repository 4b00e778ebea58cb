"""Where a look is made: a short one at once, on the event loop, others in a thread.

To hand a look to a thread and back takes as long as a short look itself, and the interpreter changes hands twice, for which each side
may wait 5 ms (`sys.getswitchinterval`). How long a look will take is told by how long those of its kind took lately; the first is made
in a thread.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from time import perf_counter, thread_time
from typing import Final

_SHORT_S: Final = 0.002  # for so long everybody else may be kept waiting, once; it is a batch of six or so among 100,000 records
_NEW: Final = 0.2  # what the last look says, beside all before
_KINDS: Final = 256  # that are remembered


class Lately:
    """Seconds that looks took for each query, by kind. Threads may tell at once: the last word counts."""

    def __init__(self) -> None:
        self._took_s = OrderedDict[Hashable, float]()

    def short(self, kind: Hashable, queries: int) -> bool:
        """Whether a look for so many queries is likely to be."""
        took_s = self._took_s.get(kind)
        return took_s is not None and took_s * queries <= _SHORT_S

    @contextmanager
    def at_once(self, kind: Hashable, queries: int) -> Generator[None]:
        """A look on the event loop: whatever it waits for, everybody does."""
        with self._timed(kind, queries, perf_counter):
            yield

    @contextmanager
    def apart(self, kind: Hashable, queries: int) -> Generator[None]:
        """A look in a thread: what it waits for is not counted, such as the interpreter."""
        with self._timed(kind, queries, thread_time):
            yield

    @contextmanager
    def _timed(self, kind: Hashable, queries: int, clock: Callable[[], float]) -> Generator[None]:
        began_s = clock()
        yield
        took_s = (clock() - began_s) / queries
        before_s = self._took_s.pop(kind, took_s)
        self._took_s[kind] = before_s + _NEW * (took_s - before_s)
        if len(self._took_s) > _KINDS:
            self._took_s.popitem(last=False)
