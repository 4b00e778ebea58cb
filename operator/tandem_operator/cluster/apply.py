"""Doing what a plan says: start, write the status, say the events, stop, hold or let go.

Killed between any two requests, or refused one, the next look finds a world in which the rest is planned again. Nothing is done
twice: names are derived, so what exists is a conflict; a status is written for the very version of the run that was looked at.
Why an attempt ends is written before anybody is asked to leave for it: pods leave nothing behind, and whoever comes after us could
not tell a worker that we sent away from one that was lost. A status that can wait is written once there is more to tell, or a few
seconds later; when thousands of runs come at once, once the pods of all of them are made (`queue.py`).
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.conditions import SCHEDULED, reason_of
from tandem_operator.plan.values import Plan, Seen, Worker
from tandem_operator.render.disruption_budget import disruption_budget

from . import paths
from .holds import Holds
from .kube.client import Kube
from .kube.document import Json
from .kube.errors import KubeError
from .kube.informer import Key
from .kube.together import all_over
from .paths import TRAINING_RUN
from .starting import Starting
from .stored import StoredRun
from .telling import Telling
from .world import World
from .writing import Writing

_SPENT: Final = {"spent_usd", "lost_usd", "looked_at", "eta_seconds"}  # go on by themselves; the next look knows them as well
_WRITTEN_EVERY: Final = timedelta(seconds=30)
_WAITS_S: Final = 5.0  # by then a pod is up if nothing is in its way, and one write tells all; else people want to know
_Untold = tuple[str, str | None]  # of which run, and what its workers wait for
Wrote = Callable[[str], None]


class Applying:
    """Carries out plans."""

    def __init__(self, kube: Kube, world: World, starting: Starting, wrote: Wrote) -> None:
        """Carry them out with `kube`; `wrote` is told the kind of everything that was written."""
        self._kube, self._world, self._starting, self._wrote = kube, world, starting, wrote
        self._waiting: dict[Key, tuple[_Untold, float]] = {}  # first statuses that wait, and since when by the clock of the loop
        self.holds = Holds(kube, wrote)
        self.telling = Telling(kube, TRAINING_RUN, wrote)
        self.writing = Writing(kube, world, TRAINING_RUN, wrote)

    async def apply(self, made: Plan, run: TrainingRun, stored: StoredRun, seen: Seen, now: datetime, *, insist: bool = False) -> None:
        """Carry out a plan that was made for `run`, as `stored`, from `seen`.

        A status that cannot be written keeps nobody for ever: with `insist` workers are asked to leave all the same. What may be lost
        then is why they left; what else would be is money without an end.

        Raises:
            KubeError: when the API server refuses; what was done until then stays done.
        """
        key = (run.metadata.namespace, run.name)
        if made.can_wait and self._may_wait(key, (stored.uid, reason_of(made.status, SCHEDULED))):
            await self._start(made.start, run, now)
            return
        if not made.can_wait:
            await self._start(made.start, run, now)
        if made.remove:
            await self.writing.remove(key, stored)
            return
        if _worth_writing(run.status, made.status, now):
            try:
                await self.writing.status(key, stored, made.status)
            except KubeError as error:
                if insist and not error.conflict and not error.gone:
                    await self._stop(made, key, stored, seen, now)
                raise
            self._waiting.pop(key, None)
            self.telling.say(made.events, key, stored.uid, now)
        await self._stop(made, key, stored, seen, now)
        await self.holds.keep(disruption_budget(run, hold=made.hold), run.metadata.uid, hold=made.hold)

    def forget(self, key: Key) -> None:
        """The run is gone, and all that it owned."""
        self._waiting.pop(key, None)
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

    async def _stop(self, made: Plan, key: Key, stored: StoredRun, seen: Seen, now: datetime) -> None:
        """Ask workers to leave. Of those whose machine is silent only the object is left to delete, and nobody to ask.

        That goes for what an earlier run of this name has left, too, which nobody else looks at any more.
        """
        fenced = {worker.name for worker in seen.workers if worker.fenced}
        for left, worker in self._world.strangers(key, stored.uid, now):
            if worker.fenced and worker.stopping:
                await self._delete(key[0], worker.name, left.uid, at_once=True)
        uids = {pod.worker.name: pod.uid for pod in self._world.pods_of(key, stored.uid)}
        names = dict.fromkeys((*made.stop, *(worker.name for worker in seen.workers if worker.fenced and worker.stopping)))
        await all_over(*(self._delete(key[0], name, uids[name], at_once=name in fenced) for name in names if name in uids))

    async def _delete(self, namespace: str, name: str, uid: str, *, at_once: bool) -> None:
        options: Json = {"preconditions": {"uid": uid}, **({"gracePeriodSeconds": 0} if at_once else {})}
        try:
            await self._kube.delete(f"{paths.pods(namespace)}/{name}", options)
        except KubeError as error:
            if not error.conflict:  # another pod of that name by now
                raise
        self._wrote("pod")

    async def _start(self, workers: tuple[Worker, ...], run: TrainingRun, now: datetime) -> None:
        refusals = self._world.refusals
        if workers and refusals.wait_s(run):
            return
        if workers and (refused := await self._starting.start(workers, run, now)):
            refusals.put(run, refused)
        else:
            refusals.forget((run.metadata.namespace, run.name))


def _worth_writing(before: RunStatus, after: RunStatus, now: datetime) -> bool:
    """Whether more than the meter has moved, or that for long enough."""
    if before == after:
        return False
    metered = after.model_copy(update={name: getattr(before, name) for name in _SPENT})
    return metered != before or before.looked_at is None or now - before.looked_at >= _WRITTEN_EVERY
