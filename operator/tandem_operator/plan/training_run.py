"""What a TrainingRun needs next. Read `plan` as the paragraph it is; each question has a file of its own in `policies`.

First the status is brought up to date, then the run's next phase is decided from it, and from the phase follows what to do:
whoever lives outside the attempt under way is asked to leave, whoever is missing in a pending one is started.

An attempt's number is written before anything of it starts, except the first, whose name is the run's own (`policies/first.py`); and
no attempt starts while a worker of another lives. Whoever repeats a plan, or applies half of one and dies, finds the same world and
goes on.
"""

from datetime import datetime

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun

from . import conditions, events, look, phases
from .endings import Ending
from .phases import Reason
from .policies import (
    budget,
    capacity,
    deadline,
    edited,
    elastic,
    fencing,
    first,
    hold,
    losses,
    notice,
    progress,
    restart,
    retention,
    success,
    suspension,
    wanted,
)
from .values import Plan, Seen


def plan(run: TrainingRun, seen: Seen, now: datetime) -> Plan:
    """The next thing to do for `run`, given what is seen at `now`; the same answer for the same question."""
    stored, run = run, _with(run, first.adopted(run, seen, now))
    before, said = run.status, events.told(stored.status, run)
    run = _with(run, progress.taken_in(before, seen.report))
    run = _with(run, budget.added_up(run, seen, now))
    run = _with(run, losses.booked(before, run.status))
    run = _with(run, _decided(run, seen, now))
    run = _described(run, seen, now)
    assert phases.allowed(before, run.status), f"no way from {before.phase} to {run.status.phase} for {run.status.reason}"
    stop, said = (*wanted.unwanted(run, seen), *elastic.unwanted(run, seen, now)), (*said, *events.told(before, run))
    at_once = first.unwritten(stored, run.status) and _ending(run, seen, now) is None
    if run.status.attempt != before.attempt and not at_once:
        return Plan(status=run.status, stop=stop, events=said, look_again=look.AT_ONCE)
    start = (*wanted.missing(run, seen, now), *elastic.spares(run, seen, now))
    holding, counts = hold.standing(run, seen, now), look.next_that_counts(run, seen, now)
    again = look.next_moment(run, seen, counts, started=bool(start) and not seen.refused)
    return Plan(
        status=run.status,
        stop=stop,
        start=start,
        events=said,
        look_again=again,
        remove=retention.over(run, seen, now),
        hold=holding.held,
        save=holding.save,
        can_wait=first.can_wait(stored, run.status, seen),
        unhurried=look.unhurried(again, held=holding.held),
        at_latest=counts,
    )


def _decided(run: TrainingRun, seen: Seen, now: datetime) -> RunStatus:
    """The status with the phase, reason and attempt that the run should have now."""
    if run.status.phase.terminal:
        return run.status
    if success.done(run, seen):
        return _set(run.status, RunPhase.SUCCEEDED, Reason.ALL_DONE, finished_at=now)
    if ending := _ending(run, seen, now):
        return _ended(run, seen, ending, now)
    if run.status.attempt == 0 or run.status.phase is RunPhase.SUSPENDED:
        return _next_attempt(run, seen, now)
    return _gone_on(run, seen)


def _ending(run: TrainingRun, seen: Seen, now: datetime) -> Ending | None:
    """Why the attempt must end, if it must. What is final comes first, then what we want, then what happened to it."""
    wish = deadline.passed(run, now) or budget.exhausted(run) or suspension.wanted(run)
    match run.status.phase:
        case RunPhase.SUSPENDED:
            return wish
        case RunPhase.STOPPING:
            return restart.forbidden(run, seen) or _begun(run.status, wish)
        case _:
            happened = fencing.lost(run, seen) or notice.given(run, seen) or restart.fallen(run, seen, now)
            return restart.forbidden(run, seen) or wish or happened or _better(run, seen, now)


def _better(run: TrainingRun, seen: Seen, now: datetime) -> Ending | None:
    """Why another attempt would be better than this one, which could go on: no reason to end it where none may follow."""
    if not seen.accepted:
        return None
    return edited.meanwhile(run, seen) or capacity.fallen_back(run, seen, now) or elastic.resized(run, seen, now)


def _begun(status: RunStatus, wish: Ending | None) -> Ending:
    """The ending that has begun goes on for the reason it began for: the first cause counts, not what it brings about.

    Only a wish of ours can change on the way, or be taken back; then the run goes on once all workers have left.
    """
    reason = Reason(status.reason)
    if reason.ours:
        return wish or Ending(reason=Reason.WITHDRAWN, message="nothing is in the way any more: a new attempt follows")
    return Ending(reason=reason, message=status.message, final=reason is Reason.DO_NOT_RESTART)


def _ended(run: TrainingRun, seen: Seen, ending: Ending, now: datetime) -> RunStatus:
    """What follows on an ending: workers leave first, and nothing of the attempt lives when the next one is named."""
    if run.status.phase is not RunPhase.STOPPING:
        run = _with(run, _found(run, seen, ending, now))
    if seen.live() and run.status.phase is not RunPhase.SUSPENDED:
        return _set(run.status, RunPhase.STOPPING, ending.reason, ending.message)
    status, ending = restart.counted(run, ending, now)
    if ending.final:
        return _set(status, RunPhase.FAILED, ending.reason, ending.message, finished_at=now)
    if ending.reason.ours and ending.reason is not Reason.WITHDRAWN:
        return _rest(run, seen, ending)
    return _next_attempt(_with(run, status), seen, now, ending)


def _found(run: TrainingRun, seen: Seen, ending: Ending, now: datetime) -> RunStatus:
    """What is kept of the moment at which an ending is found."""
    if ending.reason.reshaping:
        return elastic.decided(run.status, ending, now)
    return run.status if ending.reason.ours else restart.fell(run, seen, now)


def _gone_on(run: TrainingRun, seen: Seen) -> RunStatus:
    """The attempt goes on: it runs as soon as all its workers are up."""
    if not wanted.down(run, seen):
        return _set(run.status, RunPhase.RUNNING, Reason.ALL_PRESENT)
    if run.status.reason == Reason.NOT_ACCEPTED:
        return _set(run.status, RunPhase.PENDING, Reason.ACCEPTED)
    return run.status


def _rest(run: TrainingRun, seen: Seen, ending: Ending) -> RunStatus:
    if (run.status.phase, run.status.reason) == (RunPhase.SUSPENDED, ending.reason):
        return run.status
    message = "; ".join(part for part in (ending.message, restart.failures_said(run, seen)) if part)
    return _set(run.status, RunPhase.SUSPENDED, ending.reason, message, fell_at=None, start_after=None)


def _next_attempt(run: TrainingRun, seen: Seen, now: datetime, after: Ending | None = None) -> RunStatus:
    """Name the next attempt, after an ending or after a rest; a number that was ever seen is never given again."""
    before, size = run.status, elastic.size(run)
    if seen.live():
        return before
    named = {
        "attempt": 1 + max([before.attempt, *(worker.attempt for worker in seen.workers)]),
        "workers": size,
        "capacity": capacity.asked(run, after),
        "growing": after is not None and after.reason is Reason.RESIZED and size > before.workers,
        "started_at": before.started_at or now,
        "pending_since": now,
        "fell_at_step": progress.left_behind(before),
    }
    status = before.model_copy(update=named)
    if after and not after.reason.ours:
        return _set(status, RunPhase.PENDING, after.reason, after.message)
    reason = Reason.ACCEPTED if before.phase is RunPhase.PENDING else Reason.RESUMED
    return _set(status, RunPhase.PENDING, reason)


def _described(run: TrainingRun, seen: Seen, now: datetime) -> TrainingRun:
    """The run with all that its status says of itself: what a change of phase means for speed, conditions and generation."""
    status, pending = run.status, run.status.phase is RunPhase.PENDING
    said = {
        "observed_generation": run.metadata.generation,
        "total_steps": run.spec.total_steps,
        "tokens_per_second": status.tokens_per_second if status.phase is RunPhase.RUNNING else None,
        "pending_since": status.pending_since if pending else None,
        "growing": status.growing and pending,
        "next_workers": status.next_workers if status.phase is RunPhase.STOPPING else None,
    }
    run = _with(run, status.model_copy(update=said))
    drawn = {"eta_seconds": progress.eta_seconds(run, seen.report), "conditions": conditions.conditions(run, seen, now)}
    return _with(run, run.status.model_copy(update=drawn))


def _with(run: TrainingRun, status: RunStatus) -> TrainingRun:
    return run.model_copy(update={"status": status})


def _set(status: RunStatus, phase: RunPhase, reason: Reason, message: str = "", **more: object) -> RunStatus:
    return status.model_copy(update={"phase": phase, "reason": reason.value, "message": message, **more})
