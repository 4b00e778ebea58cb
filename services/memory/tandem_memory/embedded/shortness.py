"""Where a look is made: a short one at once, on the event loop, others in a thread.

To hand a look to a thread and back takes as long as a short look itself, and the interpreter changes hands twice, for which each side
may wait 5 ms (`sys.getswitchinterval`). How long a look will take is told by how long those of its kind took before; the first is made
in a thread.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from typing import Final

_SHORT_S: Final = 0.005  # for so long everybody else may be kept waiting, once; it is a batch of eight or so among a million records
_AT_ONCE, _APART = 0.2, 0.05  # what the last look says, beside all before: a thread does not notice what the loop would have waited for
_KINDS: Final = 256  # that are remembered


@dataclass(slots=True, kw_only=True)
class Shortness:
    """Which kinds of look are short: the seconds that they took for each query. Threads may tell at once: the last word counts.

    Attributes:
        clock: Seconds that pass.
        work_clock: Seconds in which this thread works.
    """

    clock: Callable[[], float] = perf_counter
    work_clock: Callable[[], float] = thread_time
    _took_s: OrderedDict[Hashable, float] = field(default_factory=OrderedDict[Hashable, float])

    def short(self, kind: Hashable, queries: int) -> bool:
        """Whether a look for so many queries is likely to be short."""
        took_s = self._took_s.get(kind)
        return took_s is not None and took_s * queries <= _SHORT_S

    @contextmanager
    def at_once(self, kind: Hashable, queries: int) -> Generator[None]:
        """A look on the event loop: whatever it waits for, everybody does."""
        began_s = self.clock()
        yield
        self._learn(kind, (self.clock() - began_s) / max(queries, 1), _AT_ONCE)

    @contextmanager
    def apart(self, kind: Hashable, queries: int) -> Generator[None]:
        """A look in a thread: what it waits for is not counted, such as the interpreter."""
        began_s = self.work_clock()
        yield
        self._learn(kind, (self.work_clock() - began_s) / max(queries, 1), _APART)

    def _learn(self, kind: Hashable, took_s: float, weight: float) -> None:
        before_s = self._took_s.pop(kind, took_s)
        self._took_s[kind] = before_s + weight * (took_s - before_s)
        if len(self._took_s) > _KINDS:
            self._took_s.popitem(last=False)
