"""What can be waited for (`kubectl wait --for=condition=Complete`), drawn anew from the status at every look.

Conditions follow KEP-1623: each type is always there, and `lastTransitionTime` moves only when `status` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tandem_operator.api.status import Condition, RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun

from .phases import Reason
from .policies import budget

BUDGET_OK = "BudgetOK"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    kind: str
    true: bool
    reason: str
    message: str = ""


def conditions(run: TrainingRun, now: datetime) -> tuple[Condition, ...]:
    """All conditions of `run`; those that its status holds say since when each has been so."""
    return tuple(_since(said, run, now) for said in _drawn(run))


def reason_of(status: RunStatus, kind: str) -> str | None:
    """The reason of a condition; None before the first look."""
    return next((condition.reason for condition in status.conditions if condition.type == kind), None)


def _drawn(run: TrainingRun) -> Iterator[_Said]:
    yield _phase("Running", RunPhase.RUNNING, run.status)
    yield _checkpointed(run.status)
    standing = budget.standing(run)
    yield _Said(kind=BUDGET_OK, true=standing is not budget.Standing.EXHAUSTED, reason=standing)
    yield _interrupted(run.status)
    yield _phase("Suspended", RunPhase.SUSPENDED, run.status)
    yield _phase("Complete", RunPhase.SUCCEEDED, run.status)
    yield _phase("Failed", RunPhase.FAILED, run.status)


def _phase(kind: str, phase: RunPhase, status: RunStatus) -> _Said:
    """That the run is in a certain phase; while it is not, the phase that it is in says why not."""
    if status.phase is not phase:
        return _Said(kind=kind, true=False, reason=status.phase)
    return _Said(kind=kind, true=True, reason=status.reason, message=status.message)


def _checkpointed(status: RunStatus) -> _Said:
    if status.checkpoint is None:
        return _Said(kind="Checkpointed", true=False, reason="NoneYet")
    message = f"step {status.checkpoint.step}: {status.checkpoint.uri}"
    return _Said(kind="Checkpointed", true=True, reason="ManifestWritten", message=message)


def _interrupted(status: RunStatus) -> _Said:
    """From the notice, or the loss, until all workers of the next attempt are there."""
    if status.phase in {RunPhase.STOPPING, RunPhase.PENDING} and status.reason and Reason(status.reason).disruption:
        return _Said(kind="Interrupted", true=True, reason=status.reason, message=status.message)
    return _Said(kind="Interrupted", true=False, reason="Undisturbed")


def _since(said: _Said, run: TrainingRun, now: datetime) -> Condition:
    status, generation = "True" if said.true else "False", run.metadata.generation
    known = next((condition for condition in run.status.conditions if condition.type == said.kind), None)
    if known and (known.status, known.reason, known.message, known.observed_generation) == (status, said.reason, said.message, generation):
        return known
    return Condition(
        type=said.kind,
        status=status,
        reason=said.reason,
        message=said.message,
        last_transition_time=known.last_transition_time if known and known.status == status else now,
        observed_generation=generation,
    )
