"""Turns what is known into Prometheus' metrics, row by row of the catalogue, at the moment of a scrape.

Nothing is kept between scrapes: a run that was forgotten has no series in the next one, and a gauge that was never reported
has no series at all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

from tandem_telemetry.catalog import RUN_METRICS, SERVICE_METRICS, Kind, Metric
from tandem_telemetry.families import family_of
from tandem_telemetry.newest import nanoseconds
from tandem_telemetry.registry import RunState

_SECOND_NS = 1e9


class Exporter(Collector):
    """Collects from callables, so that every scrape sees the present."""

    def __init__(self, runs: Callable[[], Iterable[RunState]], service: Callable[[], Mapping[str, float]]) -> None:
        self._runs, self._service = runs, service

    def collect(self) -> Iterator[Family]:
        """Every metric of the catalogue, with the series that it has now."""
        states, figures = tuple(self._runs()), self._service()
        for metric in RUN_METRICS:
            family = family_of(metric)
            for state in states:
                value = value_of(metric, state)
                if value is not None:
                    family.add_metric(_labels(metric, state.report), value)
            yield family
        for metric in SERVICE_METRICS:
            family = family_of(metric)
            family.add_metric((), figures[metric.source.removeprefix("service.")])
            yield family


def value_of(metric: Metric, state: RunState) -> float | None:
    """The value that `metric.source` has for a run; None when it was not reported."""
    if metric.kind is Kind.INFO:
        return 1.0
    origin, _, path = metric.source.partition(".")
    if origin == "totals":
        return getattr(state.totals, path)
    return _reported(state.report, path.split("."))


def _reported(report: WorkerReport, path: list[str]) -> float | None:
    value: Any = report
    for name in path:
        if value.DESCRIPTOR.fields_by_name[name].has_presence and not value.HasField(name):
            return None
        value = getattr(value, name)
    return nanoseconds(value) / _SECOND_NS if isinstance(value, Timestamp) else float(value)


def _labels(metric: Metric, report: WorkerReport) -> list[str]:
    return [getattr(report.source if label in {"namespace", "run"} else report, label) for label in metric.labels]
