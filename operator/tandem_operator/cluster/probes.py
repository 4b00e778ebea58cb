"""What probes and Prometheus may know of the operator: that it watches, not only that it answers, and what it has done."""

import asyncio
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from .kube.informer import Informer
from .queue import Queue
from .resync import Resync
from .shell import Shell

_SILENT_S: Final = 150.0  # more than one stream's longest silence and the watch after it
_STUCK_S: Final = 60.0
_TICK_S: Final = 1.0


class Probes:
    """The operator seen from outside."""

    def __init__(self) -> None:
        self._errors: Counter[int] = Counter()
        self._writes: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._ticked_at = self._loop.time()

    def failed(self, status: int) -> None:
        """A request failed."""
        self._errors[status] += 1

    def wrote(self, kind: str) -> None:
        """Something was written."""
        self._writes[kind] += 1

    def acts(self, queue: Queue, shell: Shell, informers: Mapping[str, Informer], resync: Resync) -> None:
        """From now on this replica acts, by these."""
        self._queue, self._shell, self._informers, self._resync = queue, shell, informers, resync

    async def tick(self) -> None:
        """Show that the loop goes round."""
        while True:
            self._ticked_at = self._loop.time()
            await asyncio.sleep(_TICK_S)

    @contextmanager
    def served(self, listen: str) -> Generator[None]:
        yield
