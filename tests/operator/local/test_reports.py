"""Reports of the telemetry service and the record on disk complete each other."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem_operator.local import reports
from tandem_operator.plan.values import Report

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "steps.jsonl"
    lines = [{"step": step, "loss": 1 / step, "phase": "p", "tokensPerSecond": 9.0, "at": NOW.isoformat()} for step in range(41, 2000)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 2000, "lo')
    return path


def test_the_record_fills_in_what_was_never_reported(record: Path) -> None:
    """Last whole step, where the attempt began, and when: without any report at all."""
    report = reports.newest(2, None, reports.recorded(record))
    assert report is not None
    assert (report.attempt, report.step, report.resumed_from_step, report.loss) == (2, 1999, 40, 1 / 1999)
    assert report.first_step_at == NOW


def test_the_record_is_ahead_of_a_late_report_and_keeps_its_checkpoint(record: Path) -> None:
    """Step and loss from disk, the rest from the report."""
    told = Report(attempt=2, step=1500, at=NOW, spikes=3, resumed_from_step=40)
    report = reports.newest(2, told, reports.recorded(record))
    assert report is not None
    assert (report.step, report.spikes) == (1999, 3)


def test_a_report_of_another_attempt_is_no_news_of_this_one(record: Path) -> None:
    """What the attempt before said last would be taken for progress."""
    told = Report(attempt=1, step=9999, at=NOW)
    assert reports.newest(2, told, None) is None
    report = reports.newest(2, told, reports.recorded(record))
    assert report is not None
    assert report.step == 1999


def test_nothing_is_known_before_the_first_step(tmp_path: Path) -> None:
    """No file, an empty file, half a line."""
    assert reports.recorded(tmp_path / "none") is None
    (tmp_path / "half").write_text('{"step": 1')
    assert reports.recorded(tmp_path / "half") is None
