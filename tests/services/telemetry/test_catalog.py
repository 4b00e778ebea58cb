"""The table keeps Prometheus' rules (https://prometheus.io/docs/practices/naming) and says only what can be measured."""

import re
from pathlib import Path

import pytest
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_telemetry.catalog import CATALOG, OPERATOR_METRICS, RUN_METRICS, SERVICE_METRICS, Kind, Metric
from tandem_telemetry.reference import markdown
from tandem_telemetry.totals import Totals

ROOT = Path(__file__).parents[3]
UNITS_IN_NAMES = {"seconds": "_seconds", "bytes": "_bytes", "ratio": "_ratio", "usd": "_usd"}
NOT_BASE_UNITS = re.compile(r"_(milliseconds|ms|minutes|hours|kilobytes|kb|mb|gb|megabytes|percent)(_|$)")
each = pytest.mark.parametrize("metric", CATALOG, ids=lambda metric: metric.name)


@each
def test_names_follow_the_rules(metric: Metric) -> None:
    """Prefix, snake case, base units, the unit last, `_total` on counters and nothing else."""
    assert re.fullmatch(r"tandem(_[a-z0-9]+)+", metric.name)
    assert not NOT_BASE_UNITS.search(metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.name.endswith("_info") == (metric.kind is Kind.INFO)
    stem = metric.name.removesuffix("_total")
    for unit, suffix in UNITS_IN_NAMES.items():
        assert stem.endswith(suffix) == (metric.unit == unit) or stem.endswith("_per_second")
    assert not re.search(r"_(count|sum|bucket|created)$", stem), "kept for histograms"


@each
def test_help_is_a_sentence(metric: Metric) -> None:
    """One sentence, for the person who looks at a graph at night."""
    assert re.fullmatch(r"[A-Z][^\n]{10,}\.", metric.help)


@each
def test_labels_are_bounded(metric: Metric) -> None:
    """Nothing that grows while a run lives, attempts or steps, is a label."""
    assert set(metric.labels) <= {"namespace", "run", "trainer", "training_phase", "phase", "kind", "code", "resource"}


@each
def test_histograms_have_buckets_and_nothing_else_has(metric: Metric) -> None:
    """Upper bounds in rising order; and no run's label, which would cost a series for each of them."""
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert not (metric.buckets and "run" in metric.labels)


@pytest.mark.parametrize("metric", RUN_METRICS, ids=lambda metric: metric.name)
def test_every_source_exists(metric: Metric) -> None:
    """A path into the report, or a property of the sums."""
    origin, _, path = metric.source.partition(".")
    if origin == "totals":
        assert hasattr(Totals(), path)
        return
    assert origin == "report"
    message = WorkerReport.DESCRIPTOR
    for name in path.split(".") if path else ():
        message = message.fields_by_name[name].message_type or message


def test_no_measurement_is_forgotten() -> None:
    """Every number that a worker may report is in the table, itself or as a sum."""
    shown = {metric.source.partition(".")[2].partition(".")[0] for metric in RUN_METRICS}
    not_numbers = {"source", "trainer", "training_phase", "checkpoint_problem"}
    assert {field.name for field in WorkerReport.DESCRIPTOR.fields} - not_numbers <= shown


def test_names_are_unique() -> None:
    """Also as Prometheus sees them, without the suffix of counters."""
    stems = [metric.name.removesuffix("_total") for metric in CATALOG]
    assert len(stems) == len(set(stems)) == len(RUN_METRICS) + len(SERVICE_METRICS) + len(OPERATOR_METRICS)


def test_the_reference_is_fresh() -> None:
    """METRICS.md is what `poe metrics` writes."""
    assert (ROOT / "services/telemetry/METRICS.md").read_text() == markdown()
