"""The one place where threads meet: reports come in, watchers and scrapes look on, and each sees whole states only.

A watcher that reads slowly is told the newest of each run and nothing in between, so what waits for it is bounded by the
number of runs.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from tandem.telemetry.v1.telemetry_pb2 import Source, WatchResponse, WorkerReport

from tandem_telemetry.newest import RunKey, run_key
from tandem_telemetry.registry import Registry, RunState

_MOST_AT_ONCE: Final = 1000
"""Changes in one message: even with the longest addresses that are taken in it stays below gRPC's limit of 4 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which runs are asked for; empty matches all."""

    namespace: str = ""
    run: str = ""

    def matches(self, source: Source) -> bool:
        """Whether the run of `source` is one of them."""
        return self.namespace in {"", source.namespace} and self.run in {"", source.run}


class Subscription:
    """What one watcher has not been told yet: at most one change of each run."""

    def __init__(self, wanted: Filter, pause_s: float = 0.0) -> None:
        """Nothing yet.

        Args:
            wanted: Which runs are asked for.
            pause_s: Least time between two bursts of changes; for watchers of many runs, to whom each burst costs a wake-up.
        """
        self._wanted, self._pause_s = wanted, pause_s
        self._changes: dict[RunKey, WorkerReport | Source] = {}
        self._news = threading.Condition()
        self._ended = False

    @property
    def waiting(self) -> int:
        """Changes not told yet."""
        return len(self._changes)

    def put(self, source: Source, change: WorkerReport | Source) -> None:
        """Have `change` told, in place of an older one of the same run: its newest report, or its source when it was forgotten."""
        if self._wanted.matches(source):
            with self._news:
                self._changes[run_key(source)] = change
                self._news.notify()

    def end(self) -> None:
        """Let the watcher go, whatever is still waiting."""
        with self._news:
            self._ended = True
            self._news.notify()

    def __iter__(self) -> Iterator[WatchResponse]:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._changes or self._ended)
                if self._ended:
                    return
                burst = [self._changes.pop(key) for key in list(islice(self._changes, _MOST_AT_ONCE))]
                told_all = not self._changes
            yield WatchResponse(
                reports=[change for change in burst if isinstance(change, WorkerReport)],
                forgotten=[change for change in burst if isinstance(change, Source)],
            )
            if told_all and self._pause_s:
                with self._news:
                    self._news.wait_for(lambda: self._ended, self._pause_s)


class Board:
    """A registry shared between threads, and the watchers of it."""

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self._registry, self._clock = registry, clock
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    @property
    def watchers(self) -> int:
        """How many are watching."""
        return len(self._subscriptions)

    def take(self, report: WorkerReport) -> None:
        """Take in a report and tell the watchers, if it was news.

        Raises:
            TooManyRunsError: when there is no room for one more run.
        """
        with self._lock:
            news = self._registry.take(report, self._clock())
            if news is not None and self._subscriptions:
                self._tell(news.source, news)

    def forget(self) -> None:
        """Drop the runs that were silent for too long, and tell the watchers."""
        with self._lock:
            for source in self._registry.forget(self._clock()):
                self._tell(source, source)

    def runs(self) -> Mapping[RunKey, RunState]:
        """Every run, as of now."""
        with self._lock:
            return dict(self._registry.runs)

    @contextmanager
    def watch(self, wanted: Filter, pause_s: float = 0.0) -> Generator[Subscription]:
        """Changes from now on, beginning with all that is known."""
        subscription = Subscription(wanted, pause_s)
        with self._lock:
            for state in self._registry.runs.values():
                subscription.put(state.report.source, state.report)
            self._subscriptions.add(subscription)
            if self._closed:
                subscription.end()
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Let all watchers go, those that come later, too."""
        with self._lock:
            self._closed = True
            for subscription in self._subscriptions:
                subscription.end()

    def _tell(self, source: Source, change: WorkerReport | Source) -> None:
        for subscription in self._subscriptions:
            subscription.put(source, change)
