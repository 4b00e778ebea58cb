"""What Prometheus sees, read back by its own parser."""

import math
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from tandem.telemetry.v1.telemetry_pb2 import Checkpoint, WorkerReport
from tandem_telemetry.catalog import RUN_METRICS, SERVICE_METRICS
from tandem_telemetry.exporter import Exporter
from tandem_telemetry.registry import Registry

Make = Callable[..., WorkerReport]
FIGURES = {metric.source.removeprefix("service."): 1.0 for metric in SERVICE_METRICS}


def exposed(registry: Registry) -> CollectorRegistry:
    metrics = CollectorRegistry()
    metrics.register(Exporter(registry.runs.values, lambda: FIGURES))
    return metrics


def scraped(registry: Registry) -> Mapping[str, Mapping[str, float]]:
    """Values by name and run ("" for the service's own)."""
    found: dict[str, dict[str, float]] = {}
    for family in parse(generate_latest(exposed(registry)).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[sample.labels.get("run", "")] = sample.value
    return found


def full(make: Make) -> tuple[WorkerReport, WorkerReport]:
    """Two attempts that between them report everything there is."""
    checkpoint = Checkpoint(step=90, bytes=1024, blocked_seconds=0.5, save_seconds=2.0)
    checkpoint.at.FromSeconds(95)
    first = make(100, attempt=1, step=100, resumed_from_step=0, tokens=1000)
    second = make(
        200,
        attempt=2,
        trainer="deepspeed",
        training_phase="base",
        step=91,
        total_steps=500,
        loss=2.5,
        learning_rate=0.1,
        gradient_norm=1.5,
        tokens=910,
        tokens_per_second=10.0,
        step_seconds=0.25,
        utilization=0.5,
        resumed_from_step=90,
        checkpoint=checkpoint,
        spikes=1,
        refused_updates=7,
        broken_experts=3,
        checkpoint_failures=2,
        device_memory_bytes=4096,
    )
    second.first_step_at.FromSeconds(190)
    return first, second


def test_every_row_of_the_table_is_exposed_and_nothing_else(make: Make) -> None:
    """A run that reports everything has one series of each metric, in both of Prometheus' formats."""
    registry = Registry(expire_s=1, most_runs=10)
    for report in full(make):
        registry.take(report, 0)
    found = scraped(registry)
    assert set(found) == {metric.name for metric in (*RUN_METRICS, *SERVICE_METRICS)}
    assert all(len(series) == 1 for series in found.values())
    openmetrics = parse_openmetrics(generate_openmetrics(exposed(registry)).decode())
    assert {sample.name for family in openmetrics for sample in family.samples} == set(found)


def test_values_are_those_reported(make: Make) -> None:
    """Times in seconds since 1970, sums over attempts, everything else as it was said."""
    registry = Registry(expire_s=1, most_runs=10)
    for report in full(make):
        registry.take(report, 0)
    found = {name: series.get("run") for name, series in scraped(registry).items()}
    expected = {
        "tandem_attempt": 2,
        "tandem_step": 91,
        "tandem_loss": 2.5,
        "tandem_utilization_ratio": 0.5,
        "tandem_last_report_timestamp_seconds": 200,
        "tandem_checkpoint_step": 90,
        "tandem_checkpoint_timestamp_seconds": 95,
        "tandem_checkpoint_blocked_seconds": 0.5,
        "tandem_steps_done_total": 101,
        "tandem_resume_seconds": 90,
        "tandem_tokens_total": 1000,
        "tandem_broken_experts": 3,
        "tandem_refused_updates_total": 7,
        "tandem_run_info": 1,
    }
    assert {name: found[name] for name in expected} == expected


def test_absent_is_not_zero(make: Make) -> None:
    """A gauge that was never reported has no series; one that was reported as zero has."""
    registry = Registry(expire_s=1, most_runs=10)
    registry.take(make(1, run="a", loss=0.0, broken_experts=0), 0)
    registry.take(make(1, run="b"), 0)
    found = scraped(registry)
    assert found["tandem_loss"] == {"a": 0.0}
    assert found["tandem_broken_experts"] == {"a": 0}
    assert "tandem_checkpoint_step" not in found
    assert found["tandem_spikes_total"] == {"a": 0, "b": 0}


def test_a_loss_that_is_no_number_is_shown_as_it_is(make: Make) -> None:
    """Divergence is visible, and does not break the scrape."""
    registry = Registry(expire_s=1, most_runs=10)
    registry.take(make(1, loss=math.nan, gradient_norm=math.inf), 0)
    found = scraped(registry)
    assert math.isnan(found["tandem_loss"]["run"])
    assert math.isinf(found["tandem_gradient_norm"]["run"])


def test_series_end_with_their_run(make: Make) -> None:
    """A forgotten run leaves nothing behind in the next scrape."""
    registry = Registry(expire_s=10, most_runs=10)
    registry.take(make(1, run="a", step=1), 0)
    assert scraped(registry)["tandem_step"] == {"a": 1}
    registry.forget(10)
    assert "tandem_step" not in scraped(registry)
