"""Which reports are taken in. Everything unusual that training may produce is; what can only be a mistake is not.

A loss or a gradient norm that is not a number is news, and shown as it is. Names end up as labels in Prometheus and are held
to what Kubernetes allows (RFC 1123), which also keeps them printable and short.
"""

import math
import re

from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

from tandem_telemetry.newest import nanoseconds

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NOT_NEGATIVE = ("learning_rate", "tokens_per_second", "step_seconds", "utilization")
_LONGEST = {"trainer": 63, "training_phase": 253}
_LONGEST_URI = 2048


class UnacceptableReportError(ValueError):
    """A report that nothing can be done with; `field` is the path of the field at fault, the text says value and fix."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


def check(report: WorkerReport) -> None:
    """Let `report` pass.

    Raises:
        UnacceptableReportError: when it cannot be taken in.
    """
    for field in ("namespace", "run"):
        _check_name(f"report.source.{field}", getattr(report.source, field))
    if nanoseconds(report.at) <= 0:
        field = "report.at"
        raise UnacceptableReportError(field, "absent; give the time at which this was measured")
    for field in _NOT_NEGATIVE:
        _check_number(f"report.{field}", getattr(report, field))
    for field, longest in _LONGEST.items():
        _check_length(f"report.{field}", getattr(report, field), longest)
    if report.HasField("checkpoint"):
        _check_length("report.checkpoint.uri", report.checkpoint.uri, _LONGEST_URI)
        for field in ("blocked_seconds", "save_seconds"):
            _check_number(f"report.checkpoint.{field}", getattr(report.checkpoint, field))


def _check_name(field: str, name: str) -> None:
    if not name:
        raise UnacceptableReportError(field, "absent; say which run this is about")
    if not _NAME.fullmatch(name):
        raise UnacceptableReportError(field, f"{name[:80]!r} is no name; use lower-case letters, digits, '-' and '.', at most 253")


def _check_number(field: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise UnacceptableReportError(field, f"{value} is not a number from 0 up; leave it out when it was not measured")


def _check_length(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise UnacceptableReportError(field, f"{len(text)} characters; use at most {longest}")
