"""What the coordinator says, in the status: questions, lanes, money. It owns these figures; nothing is counted here a second time."""

from datetime import datetime
from decimal import Decimal

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus

from . import lanes
from .phases import UNDER_WAY
from .values import DualReport, DualSeen, Role

BUDGET_EXHAUSTED = "BudgetExhausted"
"""The word of the coordinator for money that does not reach for another call."""


def taken_in(run: DualRun, seen: DualSeen, now: datetime) -> DualRunStatus:
    """The status with the newest word of the coordinator; the last one stays while it is not heard."""
    report, status = _timely(seen), run.status
    if report is None or status.phase.terminal:
        return status
    said = {
        "total": report.total,
        "done": report.done,
        "failed": report.failed,
        "spent_usd": report.spent_usd,  # may fall: what is set aside for finding out about servers is set right after
        "reserved_usd": report.reserved_usd,
        "agreement": report.agreement,
        "progressed_at": report.at if report.done + report.failed > status.done + status.failed else status.progressed_at,
        "eta_seconds": _eta_seconds(report, status),
        "lanes": tuple(lanes.stood(lane, run, now) for lane in report.lanes),
        "memory": report.memory,
        "exhausted_usd": _exhausted_usd(run, report),
        "checkpoint": report.checkpoint or status.checkpoint,
    }
    return status.model_copy(update=said)


def all_answered(status: DualRunStatus) -> bool:
    """Whether every question has an answer, or was given up."""
    return status.total > 0 and status.done + status.failed >= status.total


def broke(run: DualRun) -> bool:
    """Whether the limit that is written now is reached: as the coordinator found, or because it was set below what is spent already."""
    limit, reached = run.spec.budget.usd, run.status.exhausted_usd
    return limit is not None and (run.status.spent_usd >= limit or (reached is not None and reached >= limit))


def _eta_seconds(report: DualReport, status: DualRunStatus) -> int | None:
    known = report.eta_seconds is not None and status.phase in UNDER_WAY
    return round(report.eta_seconds or 0.0) if known else None


def _timely(seen: DualSeen) -> DualReport | None:
    """The report, unless the coordinator that gave it has a successor already."""
    begun = max((part.since for part in seen.parts if part.role is Role.COORDINATOR), default=None)
    return seen.report if seen.report and begun and seen.report.at >= begun else None


def _exhausted_usd(run: DualRun, report: DualReport) -> Decimal | None:
    """The limit that turned out to be reached. It is remembered when the coordinator is gone: the money reaches no further then, either.

    It is the limit that the coordinator was started with; another one may be written by now. A coordinator that was started with the
    same one takes it back once what was set aside for a call turns out not to have been spent.
    """
    if report.reason == BUDGET_EXHAUSTED:
        return report.cap_usd
    known = run.status.exhausted_usd
    return None if known is not None and report.cap_usd == known else known
