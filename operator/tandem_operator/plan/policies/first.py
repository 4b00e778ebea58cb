"""The first attempt is started before it is written: what it is called is the run's own, so whoever finds it knows all of it.

Its number is 1, its size and machines are those of the spec, and its workers bear the uid of the run. Only a run that nobody has edited
yet begins so: then there is but one spec that its workers can have been started by. A status that is written first costs each run a
write and a look before its workers can be made, and thousands of runs may come at once.
"""

from datetime import datetime

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan import conditions
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen, Tier

from . import capacity, elastic, scheduling

_NUMBER = 1
_UNEDITED = 1  # metadata.generation of what was created and never edited


def adopted(run: TrainingRun, seen: Seen, now: datetime) -> RunStatus:
    """The status, in which the first attempt is named if its workers are there and nobody has written yet that they are.

    Edited in between, the spec may not be the one that they were started by: they leave, and the next attempt is by the edited one. If
    that is not accepted, there would be none: those who are all there go on, and only some of them would wait for the others in vain.
    """
    if run.status.attempt or {worker.attempt for worker in seen.workers} != {_NUMBER}:
        return run.status
    edited, begun_at = run.metadata.generation != _UNEDITED, min(now, *(worker.since for worker in seen.workers))
    ranks, size = {worker.rank for worker in seen.workers}, elastic.size(run)
    leaves = edited and bool(seen.live()) and (seen.accepted or ranks != set(range(size)))
    named = {
        "phase": RunPhase.STOPPING if leaves else RunPhase.PENDING,
        "reason": (Reason.EDITED if leaves else Reason.ACCEPTED).value,
        "message": "the spec was edited while workers were started: they start anew by it" if leaves else "",
        "attempt": _NUMBER,
        "workers": len(ranks) if edited else size,
        "capacity": capacity.asked(run),
        "started_at": begun_at,
        "pending_since": None if leaves else begun_at,
        "observed_generation": _UNEDITED,
    }
    return run.status.model_copy(update=named)


def unwritten(run: TrainingRun, after: RunStatus) -> bool:
    """Whether the status `after` that of `run` names the first attempt, which may be started before that is written."""
    unedited = run.metadata.generation == _UNEDITED
    return unedited and run.status.attempt == 0 and (after.attempt, after.phase) == (_NUMBER, RunPhase.PENDING)


def can_wait(run: TrainingRun, after: RunStatus, seen: Seen) -> bool:
    """Whether `after` need not be written yet: it names the first attempt, and says that its workers come up, held up by nothing."""
    comes_up = conditions.reason_of(after, conditions.SCHEDULED) in {Tier.START, scheduling.ALL_PLACED}
    return unwritten(run, after) and comes_up and seen.refused is None
