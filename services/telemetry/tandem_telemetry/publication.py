"""Turns what an operator published into Prometheus' metrics, row by row of the catalogue, at the moment of a scrape."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from tandem_telemetry.catalog import OPERATOR_METRICS, Kind, Metric
from tandem_telemetry.client.published import Observed, Published
from tandem_telemetry.families import family_of, histogram_of

_NAMES = {metric.name for metric in OPERATOR_METRICS if metric.kind is not Kind.HISTOGRAM}


def registry_of(published: Published) -> CollectorRegistry:
    """A registry that holds `published` and nothing else."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Publication(published))
    return registry


class Publication(Collector):
    """Collects from `published`, so that every scrape sees the present."""

    def __init__(self, published: Published) -> None:
        self._published = published

    def collect(self) -> Iterator[Family]:
        """Every metric of the operator's part, with the series that it has now."""
        figures = self._published.figures()
        assert figures.keys() <= _NAMES, figures.keys() - _NAMES
        for metric in OPERATOR_METRICS:
            if metric.kind is Kind.HISTOGRAM:
                yield _histogram(metric, self._published.observed(metric.name))
            else:
                yield _figures(metric, figures.get(metric.name, {}))


def _figures(metric: Metric, series: Mapping[tuple[str, ...], float]) -> Family:
    family = family_of(metric)
    for labels, value in series.items():
        assert len(labels) == len(metric.labels), (metric.name, labels)
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, observed: Observed) -> Family:
    family = histogram_of(metric)
    bounds = (*map(str, map(float, metric.buckets)), "+Inf")
    family.add_metric((), list(zip(bounds, accumulate(observed.counts), strict=True)), observed.total)
    return family
