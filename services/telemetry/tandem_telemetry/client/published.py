"""What an operator shows to Prometheus, without knowing Prometheus: figures that are asked for at each scrape, and observations.

The names, labels and buckets are those of the catalogue (OPERATOR_METRICS).
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from tandem_telemetry.catalog import OPERATOR_METRICS, Kind

Figures: TypeAlias = Mapping[str, Mapping[tuple[str, ...], float]]
"""By name of the metric, and by the values of its labels in the catalogue's order; () where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A histogram as it stands.

    Attributes:
        counts: Observations in each bucket alone, and last those beyond all of them.
        total: The sum of all that was observed.
    """

    counts: tuple[int, ...]
    total: float = 0.0


class Published:
    """Figures that are collected at the moment of a scrape, and histograms that are kept here."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        """Show what `figures` returns; it is called in the thread of a scrape. A metric that it leaves out has no series."""
        self.figures = figures
        self._lock = threading.Lock()
        self._buckets = {metric.name: metric.buckets for metric in OPERATOR_METRICS if metric.kind is Kind.HISTOGRAM}
        self._observed = {name: Observed(counts=(0,) * (len(buckets) + 1)) for name, buckets in self._buckets.items()}

    def observe(self, histogram: str, value: float) -> None:
        """Count `value` in a histogram of the catalogue, from any thread."""
        place = bisect_left(self._buckets[histogram], value)  # a bucket holds its upper bound
        with self._lock:
            old = self._observed[histogram]
            counts = tuple(count + (at == place) for at, count in enumerate(old.counts))
            self._observed[histogram] = Observed(counts=counts, total=old.total + value)

    def observed(self, histogram: str) -> Observed:
        """A histogram as it stands."""
        return self._observed[histogram]


@contextmanager
def serve_metrics(
    listen: str, published: Published, unhealthy: Callable[[], str | None], unready: Callable[[], str | None] = lambda: None
) -> Generator[int]:
    """Serve /metrics, /healthz and /readyz at "host:port" in threads of their own.

    Args:
        listen: Where; port 0 takes a free one.
        published: What /metrics shows.
        unhealthy: Why /healthz answers 503, in a line; None while all is well. Called in the thread of a probe.
        unready: Why /readyz does so, though all is well.

    Yields:
        The port.

    Raises:
        tandem_rpc.RpcSetupError: when there is no listening there.
    """
    from tandem_rpc.process.scraping import Scraping

    from tandem_telemetry.publication import registry_of

    with Scraping(listen, registry_of(published), unhealthy, unready) as scraping:
        yield scraping.port
