"""The memory as far as it can be reached: a search waits for a moment and no longer, and none is made while the memory is known to be away.

A step is worth more than what could be recalled for it, so that answers go on without the memory; it is tried again from time to time.
"""

import logging
from collections.abc import Callable, Sequence

from tandem_memory.client import AsyncMemory, Filter, Hit, MemoryServiceError, NotThereError, RefusedError

_GREETING_S = 3.0  # to connect at the start, on a machine that starts many things at once
_FIRST_S, _MOST_S = 0.5, 15.0  # how long it is left alone after a failure, and after many
_log = logging.getLogger(__name__)


class Reach:
    """Searches a memory.

    Attributes:
        problem: Why it is away, one line; empty while it is not known to be.
    """

    def __init__(self, memory: AsyncMemory, clock: Callable[[], float], *, wait_s: float) -> None:
        """Begin.

        Args:
            memory: What is searched.
            clock: Monotonic seconds.
            wait_s: Longest time for a search.
        """
        self._quick = memory.but(deadline_s=wait_s, patience_s=0.0)
        self._patient = memory.but(deadline_s=max(wait_s, _GREETING_S), patience_s=0.0)
        self._clock = clock
        self._failures, self._left_alone_until = 0, float("-inf")
        self._told = set[str]()
        self.problem = ""

    async def greet(self) -> None:
        """Connect, so that the first search does not wait for that; who does not answer in time is away."""
        try:
            await self._patient.search("greeting", k=1)
        except (NotThereError, RefusedError):
            self.well()
        except MemoryServiceError as error:
            self.failed(error)
        else:
            self.well()

    async def search(self, question: str, k: int, where: Filter) -> Sequence[Hit] | None:
        """The nearest records, or none where it has none; None while it is away."""
        if self._clock() < self._left_alone_until:
            return None
        if self._failures:  # one alone finds out whether it is back
            self._leave_alone()
        try:
            hits = await self._quick.search(question, k, where)
        except NotThereError:  # nothing was ever appended
            hits = ()
        except RefusedError as error:
            self._tell_once(str(error))
            return ()
        except MemoryServiceError as error:
            self.failed(error)
            return None
        self.well()
        return hits

    def well(self) -> None:
        """It answered somebody."""
        if self._failures:
            _log.info("the memory is back")
        self._failures, self._left_alone_until, self.problem = 0, float("-inf"), ""

    def failed(self, error: MemoryServiceError) -> None:
        """It did not."""
        if not self._failures:
            _log.warning("%s; answers go on without it", error)
        self._failures += 1
        self.problem = str(error)
        self._leave_alone()

    def _leave_alone(self) -> None:
        self._left_alone_until = self._clock() + min(_MOST_S, _FIRST_S * 2.0 ** min(self._failures - 1, 10))

    def _tell_once(self, what: str) -> None:
        """A namespace that takes no texts refuses all of them: one line says so."""
        if what not in self._told and len(self._told) < 10:  # noqa: PLR2004 - lines of a log, not more
            self._told.add(what)
            _log.warning("%s; nothing is recalled there", what)
