"""A DualRun in words: what is about to be done, how far it is, how it ended."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeGuard

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import LaneState, LaneStatus, MemoryState, MemoryStatus
from tandem_operator.api.lane import LaneSpec
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.show import words
from tandem_operator.cli.show.plain import Progress
from tandem_operator.local.state.run_folder import DualFolder


def overview(run: DualRun, folder: DualFolder) -> list[str]:
    """What is about to be done, before it is done."""
    spec, status = run.spec, run.status
    limit = f" (the first {spec.questions.limit:,})" if spec.questions.limit else ""
    lanes = ", ".join(f"{lane.name} ({_served(lane)})" for lane in spec.lanes)
    lines = [
        f"{run.name}: questions of {spec.questions.source}{limit}, lanes {lanes}",
        f"{len(spec.experts)} experts, {_count(spec.max_steps, 'step')}, routing {spec.routing.policy}, {_count(spec.workers, 'worker')}",
        f"books, logs and report in {folder.path}",
    ]
    if spec.budget.usd is not None:
        lines.append(f"at {dollars(Decimal(spec.budget.usd))}: {spec.budget.on_exhausted}")
    if status.attempt:
        lines.append(f"going on at {status.done} of {status.total} questions")
    return lines


def progress(run: DualRun, now: datetime) -> Progress:
    """How far a run is, on one line."""
    del now
    status = run.status
    parts = [f"{questions(run)} questions", ", ".join(map(_lane, status.lanes))]
    parts += [f"{status.failed} given up"] if status.failed else []
    parts += [f"memory {status.memory.state}"] if troubled(status.memory) else []
    parts += [f"agreement {status.agreement:.2f}"] if status.agreement is not None else []
    parts += [spend(run)]
    parts += [f"{words.length(status.eta_seconds)} left"] if status.eta_seconds is not None else []
    return Progress(done=status.done + status.failed, total=status.total, line="  ".join(part for part in parts if part))


def questions(run: DualRun) -> str:
    """Questions done, of how many."""
    return f"{run.status.done}/{run.status.total}" if run.status.total else words.NOTHING


def lanes(run: DualRun) -> str:
    """What each lane answered, and its state where that is not Ready."""
    return ", ".join(f"{lane.name} {lane.done}{_state(lane)}" for lane in run.status.lanes)


def memory(found: MemoryStatus) -> str:
    """How the run stands with its shared memory."""
    why = f": {found.problem}" if found.problem else ""
    without = "" if found.state is MemoryState.READY else ", answers go on without it"
    waits = f"; {_count(found.waiting, 'record')} yet to be told" if found.waiting else ""
    return f"{found.state}{without}{why}{waits}"


def troubled(found: MemoryStatus | None) -> TypeGuard[MemoryStatus]:
    """Whether there is a memory that is not recalled from."""
    return found is not None and found.state is not MemoryState.READY


def spend(run: DualRun) -> str:
    """Dollars spent, and of how many."""
    limit, spent = run.spec.budget.usd, dollars(run.status.spent_usd)
    return spent if limit is None else f"{spent} of {dollars(Decimal(limit))}"


def how(run: DualRun) -> str:
    """How a run that has ended or rests went."""
    status, took = run.status, words.running_for(run.status, datetime.now(UTC))
    facts = f"{questions(run)} questions, {words.length(took.total_seconds() if took else 0)}, {spend(run)}"
    match status.phase:
        case RunPhase.SUCCEEDED if status.failed:
            return f"{run.name}: done, but {status.message}. {facts}"
        case RunPhase.SUCCEEDED:
            return f"{run.name}: done. {facts}"
        case RunPhase.FAILED:
            return f"{run.name}: failed, {status.reason}: {status.message}. {facts}"
        case _:
            return f"{run.name}: stopped, {status.message}. {facts}"


def by_lane(run: DualRun) -> list[str]:
    """A line for each lane: what it answered and cost."""
    return [
        f"  {lane.name:<12} {lane.done:>6,} questions {lane.calls:>8,} calls {lane.input_tokens:>12,} tokens read "
        f"{lane.output_tokens:>10,} written  {dollars(lane.spent_usd)}"
        for lane in run.status.lanes
    ]


def _lane(lane: LaneStatus) -> str:
    return f"{lane.name} {lane.done}{_state(lane)} ({lane.in_flight} in flight)"


def _state(lane: LaneStatus) -> str:
    return "" if lane.state is LaneState.READY else f" {lane.state}"


def _served(lane: LaneSpec) -> str:
    if lane.engine:
        many = f" x{lane.engine.instances}" if lane.engine.instances > 1 else ""
        return f"{lane.engine.server} {lane.engine.model}{many}"
    return f"{lane.model} at {lane.url or ', '.join(lane.urls or ())}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
