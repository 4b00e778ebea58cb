"""Why does the run not run yet? What holds up its workers, the worst first, in the words of the platform.

The tiers are those of `values.Tier`, after Kueue's KEP-10852: what only a person can mend comes before what passes by itself. A worker
that has a machine and only starts is held up by nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Seen, SeenWorker, Tier, Waiting

from . import wanted

ALL_UP, ALL_PLACED = "AllWorkersUp", "AllWorkersPlaced"
OLD_ATTEMPT, BACKING_OFF = "WaitingForOldAttempt", "BackingOff"

_WORST_FIRST = tuple(Tier)
_LONGEST_MESSAGE = 1000  # characters; schedulers tell of every node


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether every worker has its machine, and if not, what it waits for."""

    scheduled: bool
    reason: str
    message: str = ""


def standing(run: TrainingRun, seen: Seen, now: datetime) -> Standing:
    """How the workers of the current attempt stand; a run that is neither pending nor running has none to place."""
    match run.status.phase:
        case RunPhase.RUNNING:
            return Standing(scheduled=True, reason=ALL_UP)
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


def _pending(run: TrainingRun, seen: Seen, now: datetime) -> Standing:
    held = [(worker.waiting, worker) for worker in seen.of(run.status.attempt) if worker.live and worker.waiting]
    if held := [(waiting, worker) for waiting, worker in held if _held_up(waiting)]:
        return _worst(held, run.status.workers)
    if run.status.attempt == 0 or wanted.absent(run, seen):
        return _refused(seen.refused) if seen.refused else _not_started(run, seen, now)
    return Standing(scheduled=True, reason=ALL_PLACED)


def _held_up(waiting: Waiting) -> bool:
    return not waiting.placed or waiting.tier is not Tier.START


def _worst(held: Sequence[tuple[Waiting, SeenWorker]], of: int) -> Standing:
    """The worst tier, how many workers wait, and what is said of the first that waits for just that."""
    waiting, worker = min(held, key=lambda one: (_WORST_FIRST.index(one[0].tier), one[1].rank))
    said = " ".join(waiting.message.split())[:_LONGEST_MESSAGE]
    count = f"{len(held)} of {of} workers {'wait' if held[1:] else 'waits'}"
    return Standing(scheduled=False, reason=waiting.tier, message=f"{count}: {worker.name}" + (f": {said}" if said else ""))


def _refused(refusal: Waiting) -> Standing:
    """The platform would not have workers that were to be started; they are asked for again."""
    return Standing(scheduled=False, reason=refusal.tier, message=f"workers are refused: {refusal.message[:_LONGEST_MESSAGE]}")


def _not_started(run: TrainingRun, seen: Seen, now: datetime) -> Standing:
    """Nothing of the attempt was started yet, or not all of it: because of an old one, of a wait, or because it is done just now."""
    old = next((worker for worker in seen.live() if worker.attempt != run.status.attempt), None)
    if old:
        return Standing(scheduled=False, reason=OLD_ATTEMPT, message=f"worker {old.name} of another attempt has not left yet")
    after = run.status.start_after
    if after and now < after:
        return Standing(scheduled=False, reason=BACKING_OFF, message=f"attempt {run.status.attempt} starts at {after:%H:%M:%S} UTC")
    return Standing(scheduled=False, reason=Tier.START, message=f"attempt {run.status.attempt} is being started")
