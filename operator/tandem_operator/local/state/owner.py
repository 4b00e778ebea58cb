"""Who may act for a run: the one process that holds its lock. All others only look.

flock(2) belongs to the open file, so the kernel gives it back the moment its holder dies, however it dies. The file is opened
close-on-exec: a worker never inherits it, or a dead owner's workers would keep everybody out.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self


class Ownership:
    """The lock of one run. Not held until `take` says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process acts for the run."""
        return self._descriptor is not None

    def take(self) -> bool:
        """Become the owner if nobody else is; say whether we are."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor
        return True

    def holder(self) -> str:
        """Pid of the owner, as it wrote it down: for messages only, never for decisions."""
        try:
            return self._path.read_text(encoding="utf-8").strip() or "unknown"
        except FileNotFoundError:
            return "unknown"

    def leave(self) -> None:
        """Let somebody else act."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()


@contextmanager
def alone(path: Path) -> Generator[None]:
    """Wait for a lock and hold it: for the few milliseconds in which a file is read, changed and written back."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
