"""What goes on at the service itself: its own metrics, and whether anybody still needs it."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Traffic:
    """Figures that the threads of all calls add to; `clock` is any that only goes forward."""

    clock: Callable[[], float]
    reports: int = 0
    refused: int = 0
    reporters: int = 0
    watchers: int = 0
    _busy_s: float = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._busy_s = self.clock()

    @contextmanager
    def stream(self, *, reporters: int = 0, watchers: int = 0) -> Generator[None]:
        """Count a stream for as long as it is open."""
        self.count(reporters=reporters, watchers=watchers)
        try:
            yield
        finally:
            self.count(reporters=-reporters, watchers=-watchers)

    def count(self, *, reports: int = 0, refused: int = 0, reporters: int = 0, watchers: int = 0) -> None:
        """Add to the figures."""
        with self._lock:
            self.reports += reports
            self.refused += refused
            self.reporters += reporters
            self.watchers += watchers
            self._busy_s = self.clock()

    def idle_s(self) -> float:
        """How long no stream has been open and nothing was reported."""
        with self._lock:
            return 0.0 if self.reporters or self.watchers else self.clock() - self._busy_s
