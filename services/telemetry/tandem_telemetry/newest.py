"""Which word about a run counts: that of the highest attempt, and in it, field by field, the newest.

Reports come from several workers, late, twice and in any order. What is known after a set of reports of one attempt does
not depend on the order they came in, only on when they were made (ties go to the one that came last).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.telemetry.v1.telemetry_pb2 import Source, WorkerReport

RunKey: TypeAlias = tuple[str, str]
"""Namespace and name of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """What is known of a run. `report` is never changed once it is here, so threads may share it.

    Attributes:
        report: Every field that was ever reported in the attempt, at its newest value.
        made_ns: When the value of each field was measured, by name of the field; nanoseconds since 1970.
    """

    report: WorkerReport
    made_ns: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A `Newest` as small as it gets, for whoever keeps thousands: a message takes eight times its wire.

    Attributes:
        wire: The report.
        made_ns: When the value of each field was measured that was not measured when the report was made; nanoseconds since 1970.
    """

    wire: bytes
    made_ns: Mapping[str, int] | None

    @classmethod
    def of(cls, newest: Newest) -> "Kept":
        """The same, small."""
        at = nanoseconds(newest.report.at)
        return cls(
            wire=newest.report.SerializeToString(), made_ns={name: made for name, made in newest.made_ns.items() if made != at} or None
        )

    def newest(self) -> Newest:
        """The same, as it was."""
        report, times = WorkerReport.FromString(self.wire), self.made_ns or {}
        at = nanoseconds(report.at)
        return Newest(report=report, made_ns={descriptor.name: times.get(descriptor.name, at) for descriptor, _ in report.ListFields()})


def run_key(source: Source) -> RunKey:
    """What a run is kept under."""
    return source.namespace, source.run


class Standing(StrEnum):
    """Where a report stands towards what is known."""

    PAST = "of an attempt that is past, or of an older run of the same name"
    CURRENT = "of the attempt that is known"
    NEXT_ATTEMPT = "the first word of a later attempt"
    NEXT_RUN = "the first word of a run, or of a later run of the same name"


def standing(known: WorkerReport | None, report: WorkerReport) -> Standing:
    """Where `report` stands. Runs of one name are told apart by uid, when both reports have one, and the later one counts."""
    if known is None:
        return Standing.NEXT_RUN
    if known.source.uid and report.source.uid and known.source.uid != report.source.uid:
        return Standing.NEXT_RUN if nanoseconds(report.at) > nanoseconds(known.at) else Standing.PAST
    if report.source.attempt == known.source.attempt:
        return Standing.CURRENT
    return Standing.NEXT_ATTEMPT if report.source.attempt > known.source.attempt else Standing.PAST


def merged(known: Newest | None, report: WorkerReport) -> Newest:
    """What is known once `report` has come, too; `known` itself when that is past."""
    match standing(known.report if known else None, report):
        case Standing.CURRENT if known:
            return _taken(known.report, known.made_ns, report)
        case Standing.PAST if known:
            return known
        case _:
            return _taken(WorkerReport(), {}, report)


def nanoseconds(at: Timestamp) -> int:
    """Since 1970."""
    return at.seconds * 1_000_000_000 + at.nanos


def _taken(known: WorkerReport, made_ns: Mapping[str, int], report: WorkerReport) -> Newest:
    at, result, times = nanoseconds(report.at), WorkerReport(), dict(made_ns)
    result.CopyFrom(known)
    for descriptor, value in report.ListFields():
        name = descriptor.name
        if at < times.get(name, 0):
            continue
        times[name] = at
        if descriptor.message_type is None:
            setattr(result, name, value)
        else:
            getattr(result, name).CopyFrom(value)
    return Newest(report=result, made_ns=times)
