"""What can be waited for (`kubectl wait --for=condition=Complete`), drawn anew from the status at every look.

Conditions follow KEP-1623: each type is always there, and `lastTransitionTime` moves only when `status` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import Condition, RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun

from .phases import Reason
from .policies import budget, scheduling
from .values import Seen

ACCEPTED, SCHEDULED, BUDGET_OK = "Accepted", "Scheduled", "BudgetOK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A condition without its times: what is said, whether it is so, and why."""

    kind: str
    true: bool
    reason: str
    message: str = ""


def conditions(run: TrainingRun, seen: Seen, now: datetime) -> tuple[Condition, ...]:
    """All conditions of `run`; those that its status holds say since when each has been so."""
    return tuple(stated(said, run.status, run.metadata.generation, now) for said in _drawn(run, seen, now))


def reason_of(status: RunStatus | DualRunStatus, kind: str) -> str | None:
    """The reason of a condition; None before the first look."""
    return next((condition.reason for condition in status.conditions if condition.type == kind), None)


def stated(said: Said, status: RunStatus | DualRunStatus, generation: int, now: datetime) -> Condition:
    """What is said of a `generation`, with the time since when it has been so: known from `status`, or now."""
    is_so: Literal["True", "False"] = "True" if said.true else "False"
    known = next((condition for condition in status.conditions if condition.type == said.kind), None)
    if known and (known.status, known.reason, known.message, known.observed_generation) == (is_so, said.reason, said.message, generation):
        return known
    return Condition(
        type=said.kind,
        status=is_so,
        reason=said.reason,
        message=said.message,
        last_transition_time=known.last_transition_time if known and known.status == is_so else now,
        observed_generation=generation,
    )


def _drawn(run: TrainingRun, seen: Seen, now: datetime) -> Iterator[Said]:
    yield Said(kind=ACCEPTED, true=True, reason=Reason.ACCEPTED)
    placing = scheduling.standing(run, seen, now)
    yield Said(kind=SCHEDULED, true=placing.scheduled, reason=placing.reason, message=placing.message)
    yield _phase("Running", RunPhase.RUNNING, run.status)
    yield _checkpointed(run.status)
    standing = budget.standing(run)
    yield Said(kind=BUDGET_OK, true=standing is not budget.Standing.EXHAUSTED, reason=standing)
    yield _interrupted(run.status)
    yield _phase("Suspended", RunPhase.SUSPENDED, run.status)
    yield _phase("Complete", RunPhase.SUCCEEDED, run.status)
    yield _phase("Failed", RunPhase.FAILED, run.status)


def _phase(kind: str, phase: RunPhase, status: RunStatus) -> Said:
    """That the run is in a certain phase; while it is not, the phase that it is in says why not."""
    if status.phase is not phase:
        return Said(kind=kind, true=False, reason=status.phase)
    return Said(kind=kind, true=True, reason=status.reason, message=status.message)


def _checkpointed(status: RunStatus) -> Said:
    if status.checkpoint is None:
        return Said(kind="Checkpointed", true=False, reason="NoneYet")
    message = f"step {status.checkpoint.step}: {status.checkpoint.uri}"
    return Said(kind="Checkpointed", true=True, reason="ManifestWritten", message=message)


def _interrupted(status: RunStatus) -> Said:
    """From the notice, or the loss, until all workers of the next attempt are there."""
    if status.phase in {RunPhase.STOPPING, RunPhase.PENDING} and status.reason and Reason(status.reason).disruption:
        return Said(kind="Interrupted", true=True, reason=status.reason, message=status.message)
    return Said(kind="Interrupted", true=False, reason="Undisturbed")
