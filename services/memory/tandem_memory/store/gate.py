"""Many may read at once; who moves the map waits until all are out, and keeps newcomers outside meanwhile."""

import threading
from collections.abc import Generator
from contextlib import contextmanager


class Gate:
    """A lock with two sides."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextmanager
    def passing(self) -> Generator[None]:
        """Be one of many inside."""
        with self._changed:
            while self._shut:
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                if self._shut and not self._inside:
                    self._changed.notify_all()

    @contextmanager
    def alone(self) -> Generator[None]:
        """Be the only one inside."""
        with self._changed:
            self._shut = True
            while self._inside:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()
