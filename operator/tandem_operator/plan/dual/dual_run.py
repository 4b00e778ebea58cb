"""What a DualRun needs next. Read `plan` as the paragraph it is; each question has a file of its own beside this one.

First the word of the coordinator is taken in, then the next phase is decided, then each slot gets a number to be started under. From
the phase follows what to do: whoever is missing in a run under way is started in order, whoever is left of one that ends is asked to
leave in the opposite order. A number is written before anything is started under it, so whoever repeats a plan, or applies half of one
and dies, finds the same world and goes on.

Where the run is not accepted as it is written now, no number is given and nothing is started: parts go on by what they were told.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import deadline, retention

from . import conditions, endings, events, heard, lanes, order, patience, phases, progress, starts
from .phases import UNDER_WAY, Ending, Reason
from .values import DualPlan, DualSeen

_AT_ONCE: Final = timedelta(0)
_SOON: Final = timedelta(seconds=1)  # parts that were just started can be seen by then
_REGULARLY: Final = timedelta(minutes=1)  # changes are told; this is for those that were not


def plan(run: DualRun, seen: DualSeen, now: datetime) -> DualPlan:
    """The next thing to do for `run`, given what is seen at `now`; the same answer for the same question."""
    before = run.status
    run = _with(run, heard.taken_in(run, seen, now))
    run = _with(run, _decided(run, seen, now))
    if run.status.phase in UNDER_WAY and seen.accepted:
        run = _with(run, starts.booked(run, seen, now))
    run = _with(run, run.status.model_copy(update={"observed_generation": run.metadata.generation}))
    run = _with(run, run.status.model_copy(update={"conditions": conditions.conditions(run, seen, now)}))
    assert phases.allowed(before, run.status), f"no way from {before.phase} to {run.status.phase} for {run.status.reason}"
    start = order.missing(run, seen, now, before.parts)
    return DualPlan(
        status=run.status,
        stop=order.unwanted(run, seen),
        start=start,
        events=events.told(before, run, seen),
        look_again=_AT_ONCE if run.status.parts != before.parts else min(_waits(run, seen, now, started=bool(start)), default=None),
        remove=retention.over(run, seen, now),
    )


def _decided(run: DualRun, seen: DualSeen, now: datetime) -> DualRunStatus:
    """The status with the phase, reason and attempt that the run should have now."""
    status = run.status
    match status.phase:
        case RunPhase.SUCCEEDED | RunPhase.FAILED:
            return status
        case RunPhase.STOPPING:
            return _gone(run, seen, now)
        case RunPhase.SUSPENDED:
            wish = endings.wish(run, seen, now)
            return _ended(status, wish, now) if wish else _next_attempt(run, seen, now)
        case _ if ending := endings.ending(run, seen, now):
            return _leaving(status, ending, seen, now)
        case _:
            return _gone_on(run, seen, now)


def _gone_on(run: DualRun, seen: DualSeen, now: datetime) -> DualRunStatus:
    """Nothing is in its way: it begins, or runs as soon as its parts are up."""
    if not run.status.attempt:
        return _next_attempt(run, seen, now)
    if run.status.phase is RunPhase.PENDING and order.up(run, seen, now):
        return _set(run.status, RunPhase.RUNNING, Reason.UP)
    if run.status.reason == Reason.NOT_ACCEPTED and seen.accepted:
        return _set(run.status, RunPhase.PENDING, Reason.ACCEPTED)
    return run.status


def _leaving(status: DualRunStatus, ending: Ending, seen: DualSeen, now: datetime) -> DualRunStatus:
    if seen.live():
        return _set(status, RunPhase.STOPPING, ending.reason, ending.message, eta_seconds=None)
    return _ended(status, ending, now)


def _gone(run: DualRun, seen: DualSeen, now: datetime) -> DualRunStatus:
    """The ending that has begun goes on; only a wish of ours can change on the way, or be taken back."""
    status, reason = run.status, Reason(run.status.reason)
    if done := endings.finished(run):
        ending = done
    elif reason.ours:
        ending = endings.wish(run, seen, now) or Ending(reason=Reason.WITHDRAWN, phase=RunPhase.PENDING)
    else:
        ending = Ending(reason=reason, phase=RunPhase.FAILED, message=status.message)
    if seen.live():
        return _set(status, RunPhase.STOPPING, ending.reason, ending.message)
    return _next_attempt(run, seen, now) if ending.phase is RunPhase.PENDING else _ended(status, ending, now)


def _ended(status: DualRunStatus, ending: Ending, now: datetime) -> DualRunStatus:
    if (status.phase, status.reason) == (ending.phase, ending.reason):
        return status
    finished_at = now if ending.phase.terminal else None
    return _set(status, ending.phase, ending.reason, ending.message, eta_seconds=None, finished_at=finished_at)


def _next_attempt(run: DualRun, seen: DualSeen, now: datetime) -> DualRunStatus:
    """The first, or one after a rest; nothing of the one before lives when it begins."""
    if seen.live() and run.status.attempt:
        return run.status
    resumed = run.status.phase is not RunPhase.PENDING
    status = starts.anew(run.status) if resumed else run.status
    reason, started_at = Reason.RESUMED if resumed else Reason.ACCEPTED, status.started_at or now
    return _set(status, RunPhase.PENDING, reason, attempt=status.attempt + 1, started_at=started_at, progressed_at=now)


def _waits(run: DualRun, seen: DualSeen, now: datetime, *, started: bool) -> Iterator[timedelta]:
    """How long until time itself makes a difference, or what was done can be seen."""
    status = run.status
    if started and not seen.refused:
        yield _SOON
    if seen.live() or not status.phase.resting:
        yield _REGULARLY
    if status.phase.terminal:
        moments = [retention.moment(run)]
    else:
        moments = [deadline.moment(run), *(_moments(run, seen) if status.phase in UNDER_WAY else ())]
    yield from (moment - now for moment in moments if moment and moment > now)


def _moments(run: DualRun, seen: DualSeen) -> Iterator[datetime | None]:
    """When something of a run under way has taken, or waited, long enough."""
    yield progress.moment(run)
    yield from (part.start_after for part in run.status.parts)
    yield from starts.leaving(run.status, seen)
    yield from patience.moments(run, seen)
    yield from lanes.moments(run.status)


def _with(run: DualRun, status: DualRunStatus) -> DualRun:
    return run.model_copy(update={"status": status})


def _set(status: DualRunStatus, phase: RunPhase, reason: Reason, message: str = "", **more: object) -> DualRunStatus:
    return status.model_copy(update={"phase": phase, "reason": reason.value, "message": message, **more})
