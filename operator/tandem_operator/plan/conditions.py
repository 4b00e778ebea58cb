"""What can be waited for (`kubectl wait --for=condition=Complete`), drawn anew from the status at every look.

Conditions follow KEP-1623: each type is always there, and `lastTransitionTime` moves only when `status` does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import Condition, RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun

from .phases import Reason
from .policies import budget, scheduling
from .values import Seen

ACCEPTED, SCHEDULED, BUDGET_OK = "Accepted", "Scheduled", "BudgetOK"
_SILENT: Final = timedelta(minutes=5)
_UNHEARD: Final = (
    "its workers have reported nothing yet: step, loss and checkpoints are not known here, nor whether it comes on;"
    " their logs say whether they train, and whether telemetry is reached"
)
_IS_SO: Final[Mapping[bool | None, Literal["True", "False", "Unknown"]]] = {True: "True", False: "False", None: "Unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A condition without its times: what is said, whether it is so (None where nobody can say), and why."""

    kind: str
    true: bool | None
    reason: str
    message: str = ""


def conditions(run: TrainingRun, seen: Seen, now: datetime) -> tuple[Condition, ...]:
    """All conditions of `run`; those that its status holds say since when each has been so."""
    return tuple(stated(said, run.status, run.metadata.generation, now) for said in _drawn(run, seen, now))


def known(status: RunStatus | DualRunStatus, kind: str) -> Condition | None:
    """A condition as it was stated last; None before the first look."""
    return next((condition for condition in status.conditions if condition.type == kind), None)


def reason_of(status: RunStatus | DualRunStatus, kind: str) -> str | None:
    """The reason of a condition; None before the first look."""
    found = known(status, kind)
    return found.reason if found else None


def stated(said: Said, status: RunStatus | DualRunStatus, generation: int, now: datetime) -> Condition:
    """What is said of a `generation`, with the time since when it has been so: known from `status`, or now."""
    is_so, last = _IS_SO[said.true], known(status, said.kind)
    same = (is_so, said.reason, said.message, generation)
    if last and (last.status, last.reason, last.message, last.observed_generation) == same:
        return last
    return Condition(
        type=said.kind,
        status=is_so,
        reason=said.reason,
        message=said.message,
        last_transition_time=last.last_transition_time if last and last.status == is_so else now,
        observed_generation=generation,
    )


def _drawn(run: TrainingRun, seen: Seen, now: datetime) -> Iterator[Said]:
    yield Said(kind=ACCEPTED, true=True, reason=Reason.ACCEPTED)
    placing = scheduling.standing(run, seen, now)
    yield Said(kind=SCHEDULED, true=placing.scheduled, reason=placing.reason, message=placing.message)
    yield _running(run.status, seen, now)
    yield _checkpointed(run.status, seen)
    yield _budget(run, seen)
    yield _interrupted(run.status)
    yield in_phase("Suspended", RunPhase.SUSPENDED, run.status)
    yield in_phase("Complete", RunPhase.SUCCEEDED, run.status)
    yield in_phase("Failed", RunPhase.FAILED, run.status)


def in_phase(kind: str, phase: RunPhase, status: RunStatus | DualRunStatus) -> Said:
    """That the run is in a certain phase; while it is not, the phase that it is in says why not."""
    if status.phase is not phase:
        return Said(kind=kind, true=False, reason=status.phase)
    return Said(kind=kind, true=True, reason=status.reason, message=status.message)


def _running(status: RunStatus, seen: Seen, now: datetime) -> Said:
    """That it runs; and that nothing is heard of it, where that has gone on for longer than a model takes to be loaded."""
    said, last = in_phase("Running", RunPhase.RUNNING, status), known(status, "Running")
    since = last.last_transition_time if last and last.status == "True" else now
    unheard = said.true and status.tokens_per_second is None and (seen.report is None or seen.report.attempt != status.attempt)
    return replace(said, message=_UNHEARD) if unheard and now - since >= _SILENT else said


def _budget(run: TrainingRun, seen: Seen) -> Said:
    """How the spend stands to the budget; nobody can say while something without a price runs, unless the rest nearly fills it already."""
    standing, last = budget.standing(run), known(run.status, BUDGET_OK)
    if standing is budget.Standing.EXHAUSTED:
        return Said(kind=BUDGET_OK, true=False, reason=standing)
    before = last.message if last and last.reason == budget.Standing.NO_PRICE else ""
    if standing is not budget.Standing.NEARLY and (message := budget.unpriced(run, seen, before)):
        return Said(kind=BUDGET_OK, true=None, reason=budget.Standing.NO_PRICE, message=message)
    return Said(kind=BUDGET_OK, true=True, reason=standing, message=budget.free_said(run))


def _checkpointed(status: RunStatus, seen: Seen) -> Said:
    """Which is the newest, and why there is none that is newer, where the last try failed."""
    problem = seen.report.checkpoint_problem if seen.report and seen.report.attempt == status.attempt else ""
    if status.checkpoint is None:
        return Said(kind="Checkpointed", true=False, reason="SaveFailed" if problem else "NoneYet", message=problem)
    message = f"step {status.checkpoint.step}: {status.checkpoint.uri}"
    if not problem:
        return Said(kind="Checkpointed", true=True, reason="ManifestWritten", message=message)
    return Said(kind="Checkpointed", true=True, reason="SaveFailed", message=f"{message}; the last try at a newer one failed: {problem}")


def _interrupted(status: RunStatus) -> Said:
    """From the notice, or the loss, until all workers of the next attempt are there."""
    if status.phase in {RunPhase.STOPPING, RunPhase.PENDING} and status.reason and Reason(status.reason).disruption:
        return Said(kind="Interrupted", true=True, reason=status.reason, message=status.message)
    return Said(kind="Interrupted", true=False, reason="Undisturbed")
