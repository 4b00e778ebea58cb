"""What is worth telling between one status of a DualRun and the next: changes, each once."""

from collections.abc import Iterator

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_run import DualRun, OnDualExhausted
from tandem_operator.api.dual_status import DualRunStatus, MemoryState, MemoryStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.conditions import known, reason_of
from tandem_operator.plan.events import held_up, too_late
from tandem_operator.plan.policies.budget import Standing
from tandem_operator.plan.values import Event

from . import lanes
from .conditions import BUDGET_OK
from .endings import said
from .phases import Reason
from .starts import last_of
from .values import DualSeen, Role

_EXPECTED = (Reason.ALL_ANSWERED, Reason.SUSPEND_REQUESTED)


def told(before: DualRunStatus, run: DualRun, seen: DualSeen) -> tuple[Event, ...]:
    """The events of the change from `before` to the status of `run`."""
    after = run.status
    return (
        *_money(before, run),
        *lanes.news(before, run, seen),
        *_memory(before.memory, after.memory),
        *_parts(before, after, seen),
        *too_late(before, after),
        *held_up(before, after),
        *_phase(before, after),
    )


def _money(before: DualRunStatus, run: DualRun) -> Iterator[Event]:
    after, limit, found = run.status, run.spec.budget.usd, known(run.status, BUDGET_OK)
    if found and found.reason == Standing.NEARLY != reason_of(before, BUDGET_OK):
        yield Event.warning("BudgetNearlyExhausted", f"{dollars(after.spent_usd)} of {dollars(limit or after.spent_usd)} spent")
    if found and found.reason == Standing.NO_PRICE != reason_of(before, BUDGET_OK):
        yield Event.warning(found.reason, found.message)
    if after.exhausted_usd not in {None, before.exhausted_usd} and run.spec.budget.on_exhausted is OnDualExhausted.LOCAL_ONLY:
        yield Event.warning("BudgetExhausted", f"{dollars(after.spent_usd)} spent: the run goes on with lanes that cost nothing")


def _memory(before: MemoryStatus | None, after: MemoryStatus | None) -> Iterator[Event]:
    """A memory that is not asked any more, and one that is again."""
    was, is_ = before.state if before else MemoryState.READY, after.state if after else MemoryState.READY
    if after is None or was is is_:
        return
    if is_ is MemoryState.READY:
        yield Event.normal("MemoryBack", "the shared memory answers again")
    else:
        yield Event.warning(f"Memory{is_}", f"answers go on without the shared memory: {after.problem}")


def _parts(before: DualRunStatus, after: DualRunStatus, seen: DualSeen) -> Iterator[Event]:
    """A part that fell and is started again. One that ended with 0 has failed at nothing, and of a worker that is everyday."""
    known = {part.name: part for part in before.parts}
    for part in after.parts:
        earlier, fallen = known.get(part.name), last_of(part.name, seen)
        if not (earlier and fallen and part.start > earlier.start and part.failures) or before.phase is RunPhase.SUSPENDED:
            continue
        if fallen.exit_code or fallen.exit_code is None:
            yield Event.warning("PartFailed", f"{said(fallen)}; started again as number {part.start}")
        elif fallen.role is not Role.WORKER:
            yield Event.warning("PartEnded", f"{fallen.name} ended by itself, with 0; started again as number {part.start}")


def _phase(before: DualRunStatus, after: DualRunStatus) -> Iterator[Event]:
    if after.attempt > before.attempt:
        yield Event.normal(after.reason, f"attempt {after.attempt}, {len(after.parts)} parts")
    if after.phase is before.phase:
        return
    match after.phase:
        case RunPhase.RUNNING:
            yield Event.normal("Running", "questions are being answered")
        case RunPhase.STOPPING:
            yield (Event.normal if after.reason in _EXPECTED else Event.warning)(after.reason, after.message)
        case RunPhase.SUSPENDED:
            yield Event.normal("Suspended", f"{after.done} of {after.total} questions done: {after.message}")
        case RunPhase.SUCCEEDED:
            tell = Event.warning if after.failed else Event.normal
            yield tell("Succeeded", f"{after.done} of {after.total} questions answered, {dollars(after.spent_usd)} spent")
        case RunPhase.FAILED:
            yield Event.warning("Failed", f"{after.reason}: {after.message}")
        case RunPhase.PENDING:
            return
