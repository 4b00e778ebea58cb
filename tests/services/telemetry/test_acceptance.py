"""Which reports are taken in."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.telemetry.v1.telemetry_pb2 import Checkpoint, Source, WorkerReport
from tandem_telemetry.acceptance import UnacceptableReportError, check

Make = Callable[..., WorkerReport]


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_a_model_that_diverges_is_news(make: Make, loss: float) -> None:
    """Loss and gradient norm may be anything a computation can give."""
    check(make(loss=loss, gradient_norm=loss))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("report.source.namespace", {"source": Source(run="r")}),
        ("report.source.run", {"source": Source(namespace="n")}),
        ("report.source.run", {"source": Source(namespace="n", run='r"} 1')}),
        ("report.source.run", {"source": Source(namespace="n", run="r" * 254)}),
        ("report.learning_rate", {"learning_rate": math.nan}),
        ("report.tokens_per_second", {"tokens_per_second": math.inf}),
        ("report.step_seconds", {"step_seconds": -0.1}),
        ("report.utilization", {"utilization": -1}),
        ("report.trainer", {"trainer": "t" * 64}),
        ("report.training_phase", {"training_phase": "p" * 254}),
        ("report.checkpoint.uri", {"checkpoint": Checkpoint(uri="u" * 2049)}),
        ("report.checkpoint.blocked_seconds", {"checkpoint": Checkpoint(blocked_seconds=-1)}),
        ("report.checkpoint.save_seconds", {"checkpoint": Checkpoint(save_seconds=math.nan)}),
    ],
)
def test_a_mistake_is_named(field: str, wrong: dict[str, object]) -> None:
    """One line: the field, its value or absence, the fix."""
    report = WorkerReport(**{"source": Source(namespace="n", run="r"), **wrong})
    report.at.FromSeconds(1)
    with pytest.raises(UnacceptableReportError) as caught:
        check(report)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert "\n" not in str(caught.value)


def test_a_report_without_a_time_is_refused(make: Make) -> None:
    """Without it nobody knows which word is newer."""
    report = make()
    report.ClearField("at")
    with pytest.raises(UnacceptableReportError, match=r"^report\.at: absent"):
        check(report)


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True))
def test_every_name_of_kubernetes_passes(name: str) -> None:
    """What is a name there (RFC 1123) is a name here."""
    report = WorkerReport(source=Source(namespace=name, run=name))
    report.at.FromSeconds(1)
    check(report)
