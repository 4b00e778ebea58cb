"""Are evictions that nobody must make to be refused? While the run trains, until what it has trained is saved.

A cordoned machine interrupts nothing by itself, but whoever drains it next wants its workers gone. So the workers are asked for a
checkpoint at the cordon, and evictions are let through as soon as there is one: then a drain, however hurried, costs the steps since.
Workers that do not answer while a notice lasts are let go all the same, and so are those whose machines nobody may look at: a disruption
budget that refused drains for ever would be switched off by the people who have to mend machines.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import SaveAsked, Seen, SeenWorker

_PATIENCE_S: Final = 100  # as a notice of AWS allows, for pods of which nothing else is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Whether the workers of the attempt are to be left where they are, the checkpoint they are asked for, and when patience is over."""

    held: bool = False
    save: SaveAsked | None = None
    until: datetime | None = None


def standing(run: TrainingRun, seen: Seen, now: datetime) -> Hold:
    """How it stands at `now`. What was asked for stays the same until it is answered, for as long as a machine is cordoned."""
    ours = [worker for worker in seen.of(run.status.attempt) if worker.live]
    if run.status.phase is not RunPhase.RUNNING or any(_goes(worker, seen) for worker in ours):
        return Hold()
    if not any(node.cordoned for worker in ours if (node := seen.node(worker.node))):
        return Hold(held=True)
    leading = next((worker for worker in ours if worker.rank == 0), None)
    if leading is None:
        return Hold()
    save = _asked(leading, now) or SaveAsked(after=_saved(run), at=now)
    until = save.at + timedelta(seconds=leading.grace_s or _PATIENCE_S)  # as long as it would have for its last checkpoint
    answered = _saved(run) != save.after  # not only by a later one: an attempt may have gone on from before the newest
    return Hold(save=save) if answered or now >= until else Hold(held=True, save=save, until=until)


def _goes(worker: SeenWorker, seen: Seen) -> bool:
    """Whether it leaves, is about to, or is where a cordon would not be seen."""
    node = seen.node(worker.node)
    return worker.stopping or (node.notice is not None if node else bool(worker.node))


def _asked(leading: SeenWorker, now: datetime) -> SaveAsked | None:
    """What the leading worker was asked for; not what somebody wrote there who is ahead of time."""
    return leading.asked if leading.asked and leading.asked.at <= now else None


def _saved(run: TrainingRun) -> int:
    return run.status.checkpoint.step if run.status.checkpoint else 0
