"""Doing what the plan of a DualRun says: start, write the status, say the events, stop.

Killed between any two requests, or refused one, the next look finds a world in which the rest is planned again. Why parts leave is
written before they are asked to. What fails holds up nothing else: people are told of a run though no pod can be made.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster import paths
from tandem_operator.cluster.deeds.leaving import Leaving
from tandem_operator.cluster.deeds.telling import Telling
from tandem_operator.cluster.deeds.writing import Writing
from tandem_operator.cluster.known.stored import StoredRun
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.kube.together import all_over, in_turn
from tandem_operator.plan.dual.values import DualPlan, SeenPart

from .starting import Starting
from .world import DualWorld


class Applying:
    """Carries out plans."""

    def __init__(self, kube: Kube, world: DualWorld, starting: Starting, wrote: Callable[[str], None]) -> None:
        """Carry them out with `kube`; `wrote` is told the kind of everything that was written."""
        self._world, self._starting, self._leaving = world, starting, Leaving(kube, wrote)
        self.unheard = starting.unheard
        self.telling = Telling(kube, paths.DUAL_RUN, wrote)
        self.writing = Writing(kube, world, paths.DUAL_RUN, wrote)

    async def apply(self, made: DualPlan, run: DualRun, stored: StoredRun, now: datetime, *, insist: bool = False) -> None:
        """Carry out a plan that was made for `run`, as `stored`; with `insist` parts are stopped though no status can be written.

        Raises:
            KubeError: when the API server refuses; all is done that does not need what was refused.
        """
        start = partial(self._world.refusals.heed, made.start, run, self._starting.start)
        await in_turn(start, partial(self._write_and_stop, made, run, stored, now, insist=insist))

    async def _write_and_stop(self, made: DualPlan, run: DualRun, stored: StoredRun, now: datetime, *, insist: bool) -> None:
        """Write what there is to tell, and then ask whoever is to leave. A run that has outlived its time is only removed."""
        key = run.metadata.key
        if made.remove:
            await self.writing.remove(key, stored)
            return
        if made.status != run.status:
            stop = partial(self._stop, made, key, stored.uid)
            say = partial(self.telling.say, made.events, key, stored.uid, now)
            await self.writing.status(key, stored, made.status, say, stop if insist else None)
        await self._stop(made, key, stored.uid)

    async def send_away(self, key: Key, uid: str) -> None:
        """Ask all parts of a run to leave that were not asked yet: nobody can plan for it.

        Raises:
            KubeError: when the API server refuses.
        """
        await self._leaving.send_away(key[0], self._parts(key, uid))

    async def end(self, key: Key, uid: str) -> bool:
        """Have the parts leave of a run that is being deleted; whether any of them has not ended yet.

        Raises:
            KubeError: when the API server refuses.
        """
        return await self._leaving.end(key[0], uid, self._parts(key, uid))

    def _parts(self, key: Key, uid: str) -> list[tuple[str, SeenPart]]:
        return [(pod.uid, self._world.part(pod)) for pod in self._world.pods_of(key, uid)]

    def forget(self, key: Key) -> None:
        """The run is gone, and all that it owned."""
        self._starting.taken.forget(key)
        self.unheard.forget(key)

    async def _stop(self, made: DualPlan, key: tuple[str, str], uid: str) -> None:
        """Ask parts to leave; of those whose machine is silent, and of starts long past, only the object is left to delete.

        The former goes for what an earlier run of this name has left, too, which nobody else looks at any more.
        """
        strangers = self._leaving.give_up(key[0], ((left.uid, part) for left, part in self._world.strangers(key, uid)))
        pods = {part.name: (pod_uid, part) for pod_uid, part in self._parts(key, uid)}
        lost = {name for name, (_, part) in pods.items() if part.fenced and part.stopping}
        names = dict.fromkeys((*made.stop, *lost, *_past([part for _, part in pods.values()])))
        ours = (self._leaving.have_leave(key[0], name, pods[name][0], lost=name in lost) for name in names if name in pods)
        await all_over(strangers, *ours)


def _past(parts: list[SeenPart]) -> list[str]:
    """Starts that ended and that two others followed: the last end of each slot is kept, for those who want to read its log."""
    newest: dict[str, int] = {}
    for part in parts:
        newest[part.slot] = max(part.start, newest.get(part.slot, 0))
    return [part.name for part in parts if part.exit_code is not None and part.start < newest[part.slot] - 1]
