"""What can be waited for of a DualRun, drawn anew from the status at every look: every condition is always there."""

from collections.abc import Iterator
from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus, MemoryState
from tandem_operator.api.status import Condition, RunPhase
from tandem_operator.plan.conditions import SCHEDULED, Said, in_phase, known, stated
from tandem_operator.plan.policies.budget import Standing

from . import heard, lanes, prices, scheduling
from .phases import Reason
from .values import DualSeen

LANES_HEALTHY, MEMORY_HEALTHY, BUDGET_OK = "LanesHealthy", "MemoryHealthy", "BudgetOK"


def conditions(run: DualRun, seen: DualSeen, now: datetime) -> tuple[Condition, ...]:
    """All conditions of `run`; those that its status holds say since when each has been so."""
    kept = tuple(each for each in run.status.conditions if each.type == "Accepted")  # that is said by whoever accepts
    return (*kept, *(stated(said, run.status, run.metadata.generation, now) for said in _drawn(run, seen, now)))


def _drawn(run: DualRun, seen: DualSeen, now: datetime) -> Iterator[Said]:
    status, placing = run.status, scheduling.standing(run, seen, now)
    yield Said(kind=SCHEDULED, true=placing.scheduled, reason=placing.reason, message=placing.message)
    yield in_phase("Running", RunPhase.RUNNING, status)
    yield _lanes(run, seen)
    yield _memory(run)
    yield _budget(run, seen)
    yield _checkpointed(status)
    partial = status.reason == Reason.PARTIAL_FAILURE
    yield Said(
        kind="PartialFailure", true=partial, reason=status.reason if partial else "NoneGivenUp", message=status.message if partial else ""
    )
    yield in_phase("Suspended", RunPhase.SUSPENDED, status)
    yield in_phase("Complete", RunPhase.SUCCEEDED, status)
    yield in_phase("Failed", RunPhase.FAILED, status)


def _lanes(run: DualRun, seen: DualSeen) -> Said:
    """Throttled is no illness: the provider only wants to be asked more slowly."""
    ill = [lane for lane in run.status.lanes if not lane.state.can_be_asked]
    if not ill:
        return Said(kind=LANES_HEALTHY, true=True, reason="AllAnswer" if run.status.lanes else "NotAskedYet")
    message = ". ".join(f"{lane.name} {lanes.said(lane, run, seen)}" for lane in ill)
    return Said(kind=LANES_HEALTHY, true=False, reason=f"Lane{ill[0].state}", message=message)


def _memory(run: DualRun) -> Said:
    """Answers go on without it, so that nobody would notice if it were not said."""
    found = run.status.memory
    if run.spec.memory is None or found is None:
        return Said(kind=MEMORY_HEALTHY, true=True, reason="NoMemory" if run.spec.memory is None else "NotAskedYet")
    if found.state is MemoryState.READY:
        return Said(kind=MEMORY_HEALTHY, true=True, reason="Answers")
    return Said(kind=MEMORY_HEALTHY, true=False, reason=f"Memory{found.state}", message=found.problem)


def _budget(run: DualRun, seen: DualSeen) -> Said:
    limit, status, last = run.spec.budget.usd, run.status, known(run.status, BUDGET_OK)
    if limit is None:
        return Said(kind=BUDGET_OK, true=True, reason=Standing.UNLIMITED)
    if heard.broke(run):
        return Said(kind=BUDGET_OK, true=False, reason=Standing.EXHAUSTED)
    nearly = float(status.spent_usd) >= float(limit) * run.spec.budget.warn_at
    if not nearly and (uncounted := prices.unpriced(run, seen, last.message if last and last.reason == Standing.NO_PRICE else "")):
        return Said(kind=BUDGET_OK, true=None, reason=Standing.NO_PRICE, message=uncounted)
    return Said(kind=BUDGET_OK, true=True, reason=Standing.NEARLY if nearly else Standing.WITHIN)


def _checkpointed(status: DualRunStatus) -> Said:
    if status.checkpoint is None:
        return Said(kind="Checkpointed", true=False, reason="NoneYet")
    message = f"{status.checkpoint.step} questions: {status.checkpoint.uri}"
    return Said(kind="Checkpointed", true=True, reason="SnapshotWritten", message=message)
