"""Doing what a plan says: start, write the status, say the events, stop, hold or let go.

Killed between any two requests, or refused one, the next look finds a world in which the rest is planned again. Nothing is done
twice: names are derived, so what exists is a conflict; a status is written for the very version of the run that was looked at.
Why an attempt ends is written before anybody is asked to leave for it: pods leave nothing behind, and whoever comes after us could
not tell a worker that we sent away from one that was lost. A status that can wait is written once there is more to tell, or a few
seconds later; when thousands of runs come at once, once the pods of all of them are made (`turns/queue.py`).

What fails holds up nothing that does not need it: while no pod can be made, or one of them cannot be deleted, people are told all the
same, the others leave, and a drain gets its checkpoint. Only a status that cannot be written holds up all that comes after it.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.conditions import SCHEDULED, reason_of
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Plan, Seen, SeenWorker
from tandem_operator.render.disruption_budget import disruption_budget

from .deeds.asking import Asking
from .deeds.holds import Holds
from .deeds.leaving import Leaving
from .deeds.starting import Starting
from .deeds.telling import Telling
from .deeds.writing import Writing
from .known.stored import StoredRun
from .known.world import World
from .kube.client import Kube
from .kube.informer import Key
from .kube.together import all_over, in_turn
from .paths import TRAINING_RUN

_SPENT: Final = {"spent_usd", "lost_usd", "looked_at", "eta_seconds"}  # go on by themselves; the next look knows them as well
_WRITTEN_EVERY: Final = timedelta(seconds=30)
_KEPT: Final = 2  # attempts before the current one whose ended pods are kept, for those who want to read their logs
_ALONE_S: Final = 20  # for those whose peers are lost: they wait for them in vain, and can save nothing but what is on its way already
_WAITS_S: Final = 5.0  # by then a pod is up if nothing is in its way, and one write tells all; else people want to know
_Untold = tuple[str, str | None]  # of which run, and what its workers wait for
Wrote = Callable[[str], None]
Recorded = Callable[[TrainingRun, RunStatus], None]


class Applying:
    """Carries out plans."""

    def __init__(self, kube: Kube, world: World, starting: Starting, wrote: Wrote, recorded: Recorded) -> None:
        """Carry them out with `kube`.

        Args:
            kube: The API server.
            world: What is known of it.
            starting: Starts workers.
            wrote: Told the kind of everything that was written.
            recorded: Told of every run that was looked at, and its new status, once that is on record, or while a first one waits to be.
        """
        self._world, self._starting, self._leaving, self._recorded = world, starting, Leaving(kube, wrote), recorded
        self._waiting: dict[Key, tuple[_Untold, float]] = {}  # first statuses that wait, and since when by the clock of the loop
        self._asking = Asking(kube, changed_pod=starting.made_pod, wrote=wrote)
        self.unheard = starting.unheard
        self.holds = Holds(kube, wrote)
        self.telling = Telling(kube, TRAINING_RUN, wrote)
        self.writing = Writing(kube, world, TRAINING_RUN, wrote)

    async def apply(self, made: Plan, run: TrainingRun, stored: StoredRun, seen: Seen, now: datetime, *, insist: bool = False) -> None:
        """Carry out a plan that was made for `run`, as `stored`, from `seen`.

        A status that cannot be written keeps nobody for ever: with `insist` workers are asked to leave all the same. What may be lost
        then is why they left; what else would be is money without an end.

        Raises:
            KubeError: when the API server refuses; all is done that does not need what was refused.
        """
        key, start = run.metadata.key, partial(self._world.refusals.heed, made.start, run, self._starting.start)
        if made.can_wait and self._may_wait(key, (stored.uid, reason_of(made.status, SCHEDULED))):
            self._recorded(run, made.status)
            await start()
            return
        follow = partial(self._write_and_send, made, run, stored, seen, now, insist=insist)
        await (follow() if made.can_wait else in_turn(start, follow))

    async def _write_and_send(self, made: Plan, run: TrainingRun, stored: StoredRun, seen: Seen, now: datetime, *, insist: bool) -> None:
        """Write what there is to tell, and then ask whoever is to leave or to save. A run that has outlived its time is only removed."""
        key = run.metadata.key
        if made.remove:
            await self.writing.remove(key, stored)
            return
        if _worth_writing(run.status, made.status, now):
            written, send = partial(self._on_record, made, run, stored, now), partial(self._send, made, run, stored, seen)
            insist = insist and not _leaves_for_better(run.status, made.status)
            await self.writing.status(key, stored, made.status, written, send if insist else None)
            self._waiting.pop(key, None)
        else:
            self._recorded(run, made.status)
        await self._send(made, run, stored, seen)

    def _on_record(self, made: Plan, run: TrainingRun, stored: StoredRun, now: datetime) -> None:
        """Tell of what is written now."""
        self.telling.say(made.events, run.metadata.key, stored.uid, now)
        self._recorded(run, made.status)

    async def send_away(self, key: Key, uid: str) -> None:
        """Ask all workers of a run to leave that were not asked yet: nobody can plan for it.

        Raises:
            KubeError: when the API server refuses.
        """
        await self._leaving.send_away(key[0], self._workers(key, uid))

    async def end(self, key: Key, uid: str) -> bool:
        """Have the workers leave of a run that is being deleted, and hold them no more; whether any of them has not ended yet.

        Raises:
            KubeError: when the API server refuses.
        """
        there = await self._leaving.end(key[0], uid, self._workers(key, uid))
        if there:
            await self.holds.let_go(key, uid)
        return there

    def _workers(self, key: Key, uid: str) -> list[tuple[str, SeenWorker]]:
        return [(pod.uid, self._world.worker(pod)) for pod in self._world.pods_of(key, uid)]

    def forget(self, key: Key) -> None:
        """The run is gone, and all that it owned."""
        self._waiting.pop(key, None)
        self._starting.taken.forget(key)
        self.unheard.forget(key)
        self._asking.forget(key)
        self.holds.forget(key)

    def waits_s(self, key: Key) -> float | None:
        """For how long the first status of a run may still wait; None when none does."""
        waiting = self._waiting.get(key)
        return max(0.0, waiting[1] + _WAITS_S - asyncio.get_running_loop().time()) if waiting else None

    def _may_wait(self, key: Key, untold: _Untold) -> bool:
        """Whether the first status of a run may wait (any longer); workers that have found their machines have more time to come up."""
        waiting = self._waiting.get(key)
        if waiting is None or waiting[0] != untold:
            self._waiting[key] = (untold, asyncio.get_running_loop().time())
        return self.waits_s(key) != 0.0

    async def _send(self, made: Plan, run: TrainingRun, stored: StoredRun, seen: Seen) -> None:
        """Ask workers to leave or to save, and hold them where they are or not."""
        await in_turn(partial(self._stop, made, run.metadata.key, stored, seen), partial(self._hold, made, run, stored))

    async def _hold(self, made: Plan, run: TrainingRun, stored: StoredRun) -> None:
        """Ask for a checkpoint, and hold workers where they are or not. Who cannot be asked to save is not held for it."""
        pods = self._world.pods_of(run.metadata.key, stored.uid)
        asked = await self._asking.ask(made.save, pods, made.status.attempt)
        hold = made.hold and asked
        await self.holds.keep(disruption_budget(run, hold=hold), run.metadata.uid, hold=hold)

    async def _stop(self, made: Plan, key: Key, stored: StoredRun, seen: Seen) -> None:
        """Ask workers to leave. Of those whose machine is silent, and of attempts long past, only the object is left to delete.

        That goes for what an earlier run of this name has left, too, which nobody else looks at any more.
        """
        fenced = {worker.name for worker in seen.workers if worker.fenced}
        lost = self._leaving.give_up(key[0], ((left.uid, worker) for left, worker in self._world.strangers(key, stored.uid)))
        pods = {pod.worker.name: pod for pod in self._world.pods_of(key, stored.uid)}
        self._world.keep(pods[name] for name in made.stop if name in pods)  # they may still compute until they have left
        given_up = (worker.name for worker in seen.workers if worker.fenced and worker.stopping)
        names = dict.fromkeys((*made.stop, *given_up, *_past(made.status, seen)))
        alone = made.status.reason == Reason.LOST
        ours = (
            self._leaving.have_leave(
                key[0], name, pods[name].uid, lost=name in fenced, within_s=_hurried_s(pods[name].worker) if alone else None
            )
            for name in names
            if name in pods
        )
        await all_over(lost, *ours)


def _hurried_s(worker: SeenWorker) -> int:
    """How long a worker has to leave whose peers are lost: never longer than its grace period."""
    return _ALONE_S if worker.grace_s is None else min(_ALONE_S, worker.grace_s)


def _past(status: RunStatus, seen: Seen) -> Iterator[str]:
    """Workers that ended, of attempts long past: a run that is interrupted all the time must not fill the cluster with what is left."""
    past = (worker for worker in seen.workers if worker.attempt < status.attempt - _KEPT)
    return (worker.name for worker in past if worker.exit_code is not None and not worker.stopping)


def _leaves_for_better(before: RunStatus, after: RunStatus) -> bool:
    """Whether an attempt begins to end only because another one is better: as long as nobody has written so, it looks interrupted."""
    ends = before.phase is not RunPhase.STOPPING and after.phase is RunPhase.STOPPING
    return ends and Reason(after.reason).reshaping


def _worth_writing(before: RunStatus, after: RunStatus, now: datetime) -> bool:
    """Whether more than the meter has moved, or that for long enough."""
    if before == after:
        return False
    metered = after.model_copy(update={name: getattr(before, name) for name in _SPENT})
    return metered != before or before.looked_at is None or abs(now - before.looked_at) >= _WRITTEN_EVERY  # it may be ahead, too
