"""Which machines does an attempt ask for: those that can vanish and cost less, the others, or either? `placement.spot`.

With Prefer and `onDemandAfter` a run asks for spot machines first, and takes any once it has waited that long for want of them. That holds
for the attempt that follows, and as long as that is only resized: after the next fall spot machines are tried first again.
"""

from collections.abc import Iterator
from datetime import datetime

from tandem_operator.api.placement import Spot
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen, SeenWorker, Tier

from . import scheduling

SPOT, ON_DEMAND, EITHER = "Spot", "OnDemand", ""

_WANT_OF_MACHINES = (Tier.NO_CAPACITY, Tier.QUOTA, Tier.NODE)


def asked(run: TrainingRun, after: Ending | None = None) -> str:
    """What the next attempt asks for, `after` the ending of the one before."""
    match run.spec.placement.spot:
        case Spot.NEVER:
            return ON_DEMAND
        case Spot.REQUIRE:
            return SPOT
        case Spot.PREFER:
            return SPOT if run.spec.placement.on_demand_after is not None and not _fallen_back(run, after) else EITHER


def fallen_back(run: TrainingRun, seen: Seen, now: datetime) -> Ending | None:
    """The end of an attempt that has waited for spot machines for as long as it should; None while it may wait, or need not."""
    due = _falls_back_at(run, seen)
    if due is None or now < due:
        return None
    count = f"{len(_waiting(run, seen))} of {run.status.workers} workers"
    message = f"no spot machine for {count} within spec.placement.onDemandAfter: any machine will do"
    return Ending(reason=Reason.FELL_BACK, message=message)


def moments(run: TrainingRun, seen: Seen) -> Iterator[datetime]:
    """When a wait of this policy ends."""
    if due := _falls_back_at(run, seen):
        yield due


def _falls_back_at(run: TrainingRun, seen: Seen) -> datetime | None:
    after = run.spec.placement.on_demand_after
    if after is None or not (waiting := _waiting(run, seen)):
        return None
    return scheduling.waiting_since(run.status, waiting) + after


def _waiting(run: TrainingRun, seen: Seen) -> tuple[SeenWorker, ...]:
    """The workers that a spot machine is missing for."""
    if run.status.phase is not RunPhase.PENDING or run.status.capacity != SPOT:
        return ()
    unplaced = scheduling.unplaced(run, seen)
    return tuple(worker for worker in unplaced if worker.waiting and worker.waiting.tier in _WANT_OF_MACHINES)


def _fallen_back(run: TrainingRun, after: Ending | None) -> bool:
    """Whether the wait for spot machines is over for the next attempt."""
    if after is None:
        return False
    return after.reason is Reason.FELL_BACK or (after.reason is Reason.RESIZED and run.status.capacity == EITHER)
