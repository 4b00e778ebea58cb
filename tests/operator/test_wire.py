"""Reports on the wire become reports of the planner, with nothing invented."""

import math
from datetime import UTC, datetime

from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_operator import wire

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_what_was_not_measured_is_none_and_not_zero() -> None:
    """Absent fields of the wire stay absent."""
    told = WorkerReport(step=7)
    told.source.attempt = 3
    told.at.FromDatetime(NOW)
    report = wire.report(told)
    assert (report.attempt, report.step, report.at) == (3, 7, NOW)
    assert (report.loss, report.tokens_per_second, report.resumed_from_step, report.first_step_at, report.checkpoint) == (None,) * 5
    assert report.broken_experts is None


def test_a_checkpoint_on_the_wire_arrives_whole() -> None:
    """Step, address and moment."""
    told = WorkerReport(step=7, loss=0.0)
    told.checkpoint.step, told.checkpoint.uri = 5, "file:///x/manifests/000001-000000000005.json"
    told.checkpoint.at.FromDatetime(NOW)
    report = wire.report(told)
    assert report.loss == 0.0
    assert report.checkpoint
    assert (report.checkpoint.step, report.checkpoint.uri, report.checkpoint.at) == (5, told.checkpoint.uri, NOW)


def test_no_broken_expert_is_a_number() -> None:
    """Nobody is broken any more, or three are."""
    assert [wire.report(WorkerReport(step=7, broken_experts=counted)).broken_experts for counted in (0, 3)] == [0, 3]


def test_updates_that_were_left_out_are_counted() -> None:
    """By workers that count them; others have left none out."""
    assert [wire.report(told).refused_updates for told in (WorkerReport(step=7, refused_updates=3), WorkerReport(step=7))] == [3, 0]


def test_a_number_has_the_digits_that_were_measured() -> None:
    """Seven, as 32 bits hold; and what is no number stays none, for the planner to see."""
    told = WorkerReport(step=7, loss=2.3456789012345678, tokens_per_second=123456.789)
    report = wire.report(told)
    assert (report.loss, report.tokens_per_second) == (2.345679, 123456.8)
    assert math.isnan(wire.report(WorkerReport(step=7, loss=math.nan)).loss or 0.0)
