"""Why does the run not run yet? What holds up its workers, as `placing` says it, or why they are not started.

A worker that has a machine and only starts is held up by nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Seen, SeenWorker, Tier

from . import placing, wanted
from .placing import Standing

ALL_UP, ALL_PLACED, UNQUEUED = "AllWorkersUp", "AllWorkersPlaced", "QueueIgnored"
OLD_ATTEMPT, BACKING_OFF = "WaitingForOldAttempt", "BackingOff"


def standing(run: TrainingRun, seen: Seen, now: datetime) -> Standing:
    """How the workers of the current attempt stand; a run that is neither pending nor running has none to place."""
    match run.status.phase:
        case RunPhase.RUNNING:
            return _running(run, seen)
        case RunPhase.PENDING:
            return _pending(run, seen, now)
        case phase:
            return Standing(scheduled=False, reason=phase)


def unplaced(run: TrainingRun, seen: Seen) -> tuple[SeenWorker, ...]:
    """The workers of the current attempt that have no machine yet."""
    return tuple(worker for worker in seen.of(run.status.attempt) if worker.live and not worker.placed)


def waiting_since(status: RunStatus, unplaced: Sequence[SeenWorker]) -> datetime:
    """Since when the longest wait of `unplaced` lasts: the time before they were started, in a backoff, is none of it."""
    started = min(worker.since for worker in unplaced)
    return max(started, status.pending_since or started)


def _running(run: TrainingRun, seen: Seen) -> Standing:
    """All are up: let in by the queue, where one was asked for, or past it."""
    if run.spec.pod.queue is None or not any(worker.unqueued for worker in seen.of(run.status.attempt)):
        return Standing(scheduled=True, reason=ALL_UP)
    said = "nothing here holds pods back for it, so that they run outside of any quota"
    fix = "install Kueue with its integration of pods, and for this namespace; or leave it out"
    return Standing(scheduled=True, reason=UNQUEUED, message=f'pod.queue: "{run.spec.pod.queue}": {said}: {fix}')


def _pending(run: TrainingRun, seen: Seen, now: datetime) -> Standing:
    live = sorted((worker for worker in seen.of(run.status.attempt) if worker.live), key=lambda worker: worker.rank)
    if held := placing.worst(((each.name, each.waiting) for each in live if each.waiting), of=run.status.workers, who="workers"):
        return held
    if run.status.attempt == 0 or wanted.absent(run, seen):
        return placing.refused(seen.refused, who="workers") if seen.refused else _not_started(run, seen, now)
    return Standing(scheduled=True, reason=ALL_PLACED)


def _not_started(run: TrainingRun, seen: Seen, now: datetime) -> Standing:
    """Nothing of the attempt was started yet, or not all of it: because of an old one, of a wait, or because it is done just now."""
    old = next((worker for worker in seen.live() if worker.attempt != run.status.attempt), None)
    if old:
        return Standing(scheduled=False, reason=OLD_ATTEMPT, message=f"worker {old.name} of another attempt has not left yet")
    after = run.status.start_after
    if after and now < after:
        return Standing(scheduled=False, reason=BACKING_OFF, message=f"attempt {run.status.attempt} starts at {after:%H:%M:%S} UTC")
    return Standing(scheduled=False, reason=Tier.START, message=f"attempt {run.status.attempt} is being started")
