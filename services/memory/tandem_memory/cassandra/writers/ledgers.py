"""The logs that this replica writes of a namespace: one for each who writes at a time, up to a few.

In one log a write waits for the one before it, and for the names of all that came before. So who finds all logs busy is given another one.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from tandem_memory.cassandra.writers.ledger import Ledger, Pen
from tandem_memory.cassandra.writers.lines import Booked, Draft

MOST = 8  # whoever reads on asks for each log that is written, and a cursor names each


@dataclass(slots=True)
class _Written:
    """A log, and how many drafts are on their way into it."""

    pen: Pen
    ledger: Ledger
    drafts: int = 0


class Ledgers:
    """Writes.

    Args:
        replica: Whose logs.
        ledger: Writes the log of a pen.
    """

    def __init__(self, replica: str, ledger: Callable[[Pen], Ledger]) -> None:
        self._names, self._ledger = (f"{replica}.{turn}" for turn in count()), ledger
        self._logs: list[_Written] = []

    async def book(self, drafts: Sequence[Draft]) -> Sequence[Booked]:
        """Write them into one log, in their order, and return once they are at a quorum and visible.

        Raises:
            StoreUnavailableError: it is not known which of them were written, if any.
        """
        log = self._idlest()
        log.drafts += len(drafts)
        try:
            return await log.ledger.book(drafts)
        finally:
            log.drafts -= len(drafts)

    @property
    def begun(self) -> Sequence[str]:
        """Names of the logs that are written and have begun."""
        return [each.pen.writer for each in self._logs if each.pen.begun]

    def writes(self, writer: str) -> bool:
        """Whether it is one of the logs that are written."""
        return any(each.pen.writer == writer for each in self._logs)

    async def finish(self) -> None:
        """Return when nothing waits."""
        await asyncio.gather(*(each.ledger.finish() for each in self._logs))

    def _idlest(self) -> _Written:
        idlest = min(self._logs, key=lambda log: log.drafts, default=None)
        if idlest is None or (idlest.drafts and len(self._logs) < MOST):
            pen = Pen(self._names)
            idlest = _Written(pen, self._ledger(pen))
            self._logs.append(idlest)
        return idlest
