"""With how many workers does a run go on where there is no room for all, and when does it grow again? `spec.minWorkers`.

A pending attempt whose workers do not all find a machine shrinks to those that did. A smaller attempt that runs keeps spares waiting
for the workers it lacks: pods of the same shape that train nothing. As soon as enough of them have a machine for a larger size, the
attempt ends with a checkpoint, the spares make room, and a larger attempt follows. The batch of a step stays the same at every
size (Horovod's and TorchElastic's ways change it), so only sizes that split it evenly are taken.

Each change costs a restart, so a run must not waver: where growing came to nothing, spares are not tried again for a while.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen, SeenWorker, Worker

from . import scheduling, wanted

AGAIN_AFTER = timedelta(minutes=10)
"""As long as the cluster autoscaler keeps a machine that nobody needs (`scale-down-unneeded-time`): a room that was lost to others
is seldom there again sooner."""


def size(run: TrainingRun) -> int:
    """Workers of the next attempt: as many as were decided on, as long as the spec still allows it, else all."""
    decided = run.status.next_workers
    return decided if decided is not None and feasible(run, decided) == decided else run.spec.workers


def resized(run: TrainingRun, seen: Seen, now: datetime) -> Ending | None:
    """The end of an attempt that another of a better size is to follow; None while it has the best size there is."""
    match run.status.phase:
        case RunPhase.PENDING:
            return _shrunk(run, seen, now)
        case RunPhase.RUNNING:
            return _grown(run, seen)
        case _:
            return None


def decided(status: RunStatus, ending: Ending, now: datetime) -> RunStatus:
    """The status with the size that follows `ending`; growing that came to nothing is not tried again for a while."""
    later = now + AGAIN_AFTER if status.growing else status.grow_after
    return status.model_copy(update={"next_workers": ending.workers, "grow_after": later})


def feasible(run: TrainingRun, most: int) -> int | None:
    """The largest size of at most `most` workers that the spec allows and that splits every batch evenly; None if there is none."""
    least = run.spec.min_workers
    if least is None:
        return None
    sizes = range(min(most, run.spec.workers), least - 1, -1)
    return next((size for size in sizes if not any(run.spec.model_copy(update={"workers": size}).batches_split_evenly())), None)


def spares(run: TrainingRun, seen: Seen, now: datetime) -> tuple[Worker, ...]:
    """The spares to start: for every worker that a running attempt lacks, once it may be tried."""
    after = run.status.grow_after
    if (after and now < after) or wanted.others_live(run, seen):
        return ()
    there = {spare.rank for spare in _spares(run, seen)}
    attempt, spot = run.status.attempt, wanted.spot(run.status)
    return tuple(Worker(run=run.name, attempt=attempt, rank=rank, spare=True, spot=spot) for rank in _lacking(run) if rank not in there)


def unwanted(run: TrainingRun, seen: Seen, now: datetime) -> tuple[str, ...]:
    """The spares of a running attempt to ask to leave: for workers that it lacks no more, or that are not heard of.

    What is left of a spare that ended is cleared away after a while, so that another may take its place.
    """
    if run.status.phase is not RunPhase.RUNNING:
        return ()
    return tuple(spare.name for spare in _spares(run, seen) if not spare.stopping and _of_no_use(spare, run, now))


def moments(run: TrainingRun, seen: Seen) -> Iterator[datetime]:
    """When a wait of this policy ends."""
    if due := _shrinks_at(run, seen):
        yield due
    if _lacking(run):
        if run.status.grow_after:
            yield run.status.grow_after
        yield from (_cleared_at(spare) for spare in _spares(run, seen) if spare.exit_code is not None)


def _shrunk(run: TrainingRun, seen: Seen, now: datetime) -> Ending | None:
    due = _shrinks_at(run, seen)
    if due is None or now < due:
        return None
    placed = run.status.workers - len(scheduling.unplaced(run, seen)) - len(wanted.absent(run, seen))
    if (workers := feasible(run, placed)) is None:
        return None
    message = f"machines for {placed} of {run.status.workers} workers: going on with {workers}"
    return Ending(reason=Reason.RESIZED, message=message, workers=workers)


def _shrinks_at(run: TrainingRun, seen: Seen) -> datetime | None:
    """When workers without a machine will have waited for long enough; None while there are none, or some are yet to be started."""
    status, unplaced, absent = run.status, scheduling.unplaced(run, seen), wanted.absent(run, seen)
    if run.spec.min_workers is None or status.phase is not RunPhase.PENDING or (absent and not seen.refused):
        return None
    waits = [scheduling.waiting_since(status, unplaced)] if unplaced else []
    if absent and status.pending_since:  # they were refused, and do not even exist
        waits.append(max(status.pending_since, status.start_after or status.pending_since))
    return min(waits) + run.spec.placement.shrink_after if waits else None


def _grown(run: TrainingRun, seen: Seen) -> Ending | None:
    ready = [spare for spare in _spares(run, seen) if _ready(spare, seen)]
    workers = feasible(run, run.status.workers + len(ready))
    if workers is None or workers <= run.status.workers:
        return None
    return Ending(reason=Reason.RESIZED, message=f"there is room for {workers} workers", workers=workers)


def _ready(spare: SeenWorker, seen: Seen) -> bool:
    """Whether it holds a machine that a worker could have, and that nobody is about to take."""
    node = seen.node(spare.node)
    firm = node is None or not node.shaky
    return spare.live and spare.placed and not spare.stopping and firm


def _lacking(run: TrainingRun) -> range:
    """The ranks that a running attempt lacks of all that its spec asks for."""
    elastic = run.spec.min_workers is not None and run.status.phase is RunPhase.RUNNING
    return range(run.status.workers, run.spec.workers) if elastic else range(0)


def _spares(run: TrainingRun, seen: Seen) -> list[SeenWorker]:
    return [worker for worker in seen.workers if worker.spare and worker.attempt == run.status.attempt]


def _of_no_use(spare: SeenWorker, run: TrainingRun, now: datetime) -> bool:
    if spare.exit_code is not None:
        return now >= _cleared_at(spare)
    return spare.fenced or spare.rank not in _lacking(run)


def _cleared_at(spare: SeenWorker) -> datetime:
    return (spare.until or spare.since) + AGAIN_AFTER
