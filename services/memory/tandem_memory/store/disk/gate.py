"""Many may read at once; who moves the map waits until all are out, and keeps newcomers outside meanwhile.

So nobody moves it while somebody stays for long, as a copy does: all others would wait for that, outside, as long as it lasts.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager


class OccupiedError(Exception):
    """Somebody is inside, and stays there for long."""


class Gate:
    """A lock with two sides."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = self._staying = 0
        self._shut = False

    @contextmanager
    def passing(self, *, to_stay: bool = False) -> Generator[None]:
        """Be one of many inside, for a moment unless it is said that it is `to_stay`."""
        with self._changed:
            while self._shut:
                self._changed.wait()
            self._inside += 1
            self._staying += to_stay
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._staying -= to_stay
                if self._shut and not self._inside:
                    self._changed.notify_all()

    @contextmanager
    def alone(self, *, wait_long: bool) -> Generator[None]:
        """Be the only one inside.

        Args:
            wait_long: Whether to wait for those who stay, too, while nobody else gets in.

        Raises:
            OccupiedError: when there are such, and they are not waited for.
        """
        with self._changed:
            if self._staying and not wait_long:
                raise OccupiedError
            self._shut = True
            while self._inside:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()
