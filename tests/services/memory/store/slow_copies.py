"""A disk that takes a copy when it is told to: how long one lasts is not left to chance."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tandem_memory.store import Store

_LONG_S = 60  # a copy waits no longer, so that what waits for it fails and does not hang


class SlowDisk:
    """LMDB's environment, whose copies go to a disk that does not take them before it is told to."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self.begun, self.going = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def copy(self, *arguments: Any, **named: Any) -> None:
        self.begun.set()
        self.going.wait(_LONG_S)
        self._environment.copy(*arguments, **named)


def slowed(store: Store) -> SlowDisk:
    """Have the next copy of a store wait."""
    environment: Any = store._environment
    disk = environment._held = SlowDisk(environment._held)
    return disk


@contextmanager
def copying(store: Store, into: Path) -> Iterator["Future[int]"]:
    """A copy is under way, until the block is left."""
    disk = slowed(store)
    with ThreadPoolExecutor(1) as threads:
        copied = threads.submit(store.copy, into)
        disk.begun.wait()
        try:
            yield copied
        finally:
            disk.going.set()
