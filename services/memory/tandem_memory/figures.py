"""What the service tells Prometheus of itself: one table, that METRICS.md is made from, too.

Nothing here has a label that grows with what is kept: namespaces come and go with runs.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics


class Row(NamedTuple):
    """A metric: its name, what it means, what tells its series apart, and the upper bounds of a histogram."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


APPENDED = Row("tandem_memory_appended_records_total", "Records taken in; not those that were there already.")
KNOWN = Row("tandem_memory_known_records_total", "Records handed in that were there already, by their key.")
SEARCHED = Row("tandem_memory_searched_queries_total", "Queries that records were looked up for.")
WATCHED = Row("tandem_memory_watched_changes_total", "Changes that watchers were told, counted for each of them.")
REFUSED = Row("tandem_memory_refused_calls_total", "Requests that were refused, by gRPC's code.", ("call", "code"))
RECORDS = Row("tandem_memory_records", "Records that are kept, over all namespaces.")
NAMESPACES = Row("tandem_memory_namespaces", "Namespaces that there are.")
WATCHERS = Row("tandem_memory_watchers", "Watch streams that are open.")
_HALF_A_MILLISECOND_TO_EIGHT_SECONDS = tuple(0.0005 * 2**power for power in range(15))
SECONDS = Row("tandem_memory_call_seconds", "From a request to its answer.", ("call",), _HALF_A_MILLISECOND_TO_EIGHT_SECONDS)
BATCH = Row("tandem_memory_search_batch_queries", "Queries that were looked up together.", (), (1, 2, 4, 8, 16, 32, 64, 128, 256))
_ONE_TO_4096 = tuple(2**power for power in range(13))
COMMIT_SECONDS = Row(
    "tandem_memory_commit_seconds",
    "From what waited together to its being on the disk and searched; by a store of one machine.",
    (),
    _HALF_A_MILLISECOND_TO_EIGHT_SECONDS,
)
COMMIT_RECORDS = Row("tandem_memory_commit_records", "Records that one sync of the disk was for, likewise.", (), _ONE_TO_4096)

COUNTERS = (APPENDED, KNOWN, SEARCHED, WATCHED, REFUSED)
GAUGES = (RECORDS, NAMESPACES, WATCHERS)
HISTOGRAMS = (SECONDS, BATCH, COMMIT_SECONDS, COMMIT_RECORDS)


class Figures:
    """Counted where it happens, read at a scrape.

    Attributes:
        registry: What a scrape reads.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # a series for each counter, that says when this process began
        self.registry = CollectorRegistry()
        self._counters = {row: Counter(row.name, row.meaning, row.labels, registry=self.registry) for row in COUNTERS}
        self._gauges = {row: Gauge(row.name, row.meaning, row.labels, registry=self.registry) for row in GAUGES}
        self._histograms = {
            row: Histogram(row.name, row.meaning, row.labels, registry=self.registry, buckets=row.buckets) for row in HISTOGRAMS
        }
        self._seconds = dict[str, Histogram]()  # by call: to look one up costs as much as to count

    def appended(self, new: int, known: int) -> None:
        """Records came."""
        self._counters[APPENDED].inc(new)
        self._counters[KNOWN].inc(known)

    def batch(self, queries: int) -> None:
        """So many queries are looked up together."""
        self._counters[SEARCHED].inc(queries)
        self._histograms[BATCH].observe(queries)

    def committed(self, records: int, seconds: float) -> None:
        """A group became durable; in any thread."""
        self._histograms[COMMIT_RECORDS].observe(records)
        self._histograms[COMMIT_SECONDS].observe(seconds)

    def answered(self, call: str, seconds: float) -> None:
        """A request was answered."""
        series = self._seconds.get(call)
        if series is None:
            series = self._seconds[call] = self._histograms[SECONDS].labels(call)
        series.observe(seconds)

    def refused(self, call: str, code: str) -> None:
        """A request was refused."""
        self._counters[REFUSED].labels(call, code).inc()

    @contextmanager
    def watching(self) -> Generator[Callable[[float], None]]:
        """A watcher, for as long as it is there; yields what counts the changes that it is told."""
        self._gauges[WATCHERS].inc()
        try:
            yield self._counters[WATCHED].inc
        finally:
            self._gauges[WATCHERS].dec()

    def kept(self, records: Callable[[], float], namespaces: Callable[[], float]) -> None:
        """Ask for what is kept at every scrape, in its thread."""
        self._gauges[RECORDS].set_function(records)
        self._gauges[NAMESPACES].set_function(namespaces)
