"""When is the next look due? Regularly while something lives or is to live; and never later than the next moment that counts.

Shells look sooner whenever something changes. Between changes only time itself can make a difference: money runs out, a wait
or a deadline ends, a finished run outlives its time. Those moments are known, so none is overslept.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun

from .policies import budget, capacity, deadline, elastic, hold, retention
from .values import Seen

AT_ONCE = timedelta(0)
"""No wait: what was decided had only to be written before it is acted on."""

_SOON = timedelta(seconds=1)  # workers that were just started can be seen by then
_REGULARLY = timedelta(minutes=1)  # changes are told; this is for those that were not, and thousands of runs are looked at
_AT_REST = (RunPhase.SUSPENDED, RunPhase.SUCCEEDED, RunPhase.FAILED)


def next_moment(run: TrainingRun, seen: Seen, counts: timedelta | None, *, started: bool = False) -> timedelta | None:
    """How long nothing is to be expected, `counts` being `next_that_counts`; None when only a change from outside can make a difference."""
    waits = [] if counts is None else [counts]
    if started:
        waits.append(_SOON)
    if seen.live() or run.status.phase not in _AT_REST:
        waits.append(_REGULARLY)
    return min(waits, default=None)


def next_that_counts(run: TrainingRun, seen: Seen, now: datetime) -> timedelta | None:
    """How long until time itself makes a difference; None when it never does."""
    return min(_waits(run, seen, now), default=None)


def unhurried(wait: timedelta | None, *, held: bool) -> bool:
    """Whether the look after `wait` is one of the regular ones at a run that runs undisturbed, which only adds up what that costs."""
    return wait == _REGULARLY and held


def _waits(run: TrainingRun, seen: Seen, now: datetime) -> Iterator[timedelta]:
    if not run.status.phase.terminal:
        if spending := budget.until_next(run, seen):
            yield spending
        moments = (
            deadline.moment(run),
            run.status.start_after,
            hold.standing(run, seen, now).until,
            *capacity.moments(run, seen),
            *elastic.moments(run, seen),
        )
    else:
        moments = (retention.moment(run),)
    yield from (moment - now for moment in moments if moment and moment > now)
