"""The logs that this replica writes of a namespace: one for each who writes at a time, up to a few.

In one log a write waits for the one before it, and for the names of all that came before. So who finds all logs busy is given another one.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count

from tandem_memory.cassandra.writers.ledger import Ledger, Pen
from tandem_memory.cassandra.writers.lines import Booked, Draft

# Of eight callers over one node 104 single records a second were taken in with one log, 172 with four, 192 with eight, with twelve no more.
# Whoever reads on asks for each log that is written, and a cursor names each.
MOST = 8


class Ledgers:
    """Writes.

    Args:
        replica: Whose logs.
        ledger: Writes the log of a pen.
    """

    def __init__(self, replica: str, ledger: Callable[[Pen], Ledger]) -> None:
        self._names, self._ledger = (f"{replica}.{turn}" for turn in count()), ledger
        self._logs: list[Ledger] = []

    async def book(self, drafts: Sequence[Draft]) -> Sequence[Booked]:
        """Write them into one log, in their order, and return once they are at a quorum and visible.

        Raises:
            StoreUnavailableError: it is not known which of them were written, if any.
        """
        return await self._idlest().book(drafts)

    @property
    def begun(self) -> Sequence[str]:
        """Names of the logs that are written and have begun."""
        return [each.pen.writer for each in self._logs if each.pen.begun]

    def writes(self, writer: str) -> bool:
        """Whether it is one of the logs that are written."""
        return any(each.pen.writer == writer for each in self._logs)

    async def finish(self) -> None:
        """Return when nothing waits."""
        await asyncio.gather(*(each.finish() for each in self._logs))

    def _idlest(self) -> Ledger:
        idlest = min(self._logs, key=lambda log: log.under_way, default=None)
        if idlest is None or (idlest.under_way and len(self._logs) < MOST):
            idlest = self._ledger(Pen(self._names))
            self._logs.append(idlest)
        return idlest
