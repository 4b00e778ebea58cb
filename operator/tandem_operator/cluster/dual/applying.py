"""Doing what the plan of a DualRun says: start, write the status, say the events, stop.

Killed between any two requests, or refused one, the next look finds a world in which the rest is planned again. Why parts leave is
written before they are asked to.
"""

from collections.abc import Callable
from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.together import all_over
from tandem_operator.cluster.stored import StoredRun
from tandem_operator.cluster.telling import Telling
from tandem_operator.cluster.writing import Writing
from tandem_operator.plan.dual.values import DualPlan, Part, SeenPart

from .starting import Starting
from .world import DualWorld, PartPod


class Applying:
    """Carries out plans."""

    def __init__(self, kube: Kube, world: DualWorld, starting: Starting, wrote: Callable[[str], None]) -> None:
        """Carry them out with `kube`; `wrote` is told the kind of everything that was written."""
        self._kube, self._world, self._starting, self._wrote = kube, world, starting, wrote
        self.telling = Telling(kube, paths.DUAL_RUN, wrote)
        self.writing = Writing(kube, world, paths.DUAL_RUN, wrote)

    async def apply(self, made: DualPlan, run: DualRun, stored: StoredRun, now: datetime, *, insist: bool = False) -> None:
        """Carry out a plan that was made for `run`, as `stored`; with `insist` parts are stopped though no status can be written.

        Raises:
            KubeError: when the API server refuses; what was done until then stays done.
        """
        key = (run.metadata.namespace, run.name)
        await self._start(made.start, run)
        if made.remove:
            await self.writing.remove(key, stored)
            return
        if made.status != run.status:
            try:
                await self.writing.status(key, stored, made.status)
            except KubeError as error:
                if insist and not error.conflict and not error.gone:
                    await self._stop(made, key, stored.uid, now)
                raise
            self.telling.say(made.events, key, stored.uid, now)
        await self._stop(made, key, stored.uid, now)

    async def _start(self, parts: tuple[Part, ...], run: DualRun) -> None:
        refusals = self._world.refusals
        if parts and refusals.wait_s(run):
            return
        if parts and (refused := await self._starting.start(parts, run)):
            refusals.put(run, refused)
        else:
            refusals.forget((run.metadata.namespace, run.name))

    async def _stop(self, made: DualPlan, key: tuple[str, str], uid: str, now: datetime) -> None:
        """Ask parts to leave; of those whose machine is silent, and of starts long past, only the object is left to delete."""
        pods = {pod.part.name: (pod, self._world.part(pod, now)) for pod in self._world.pods_of(key, uid)}
        at_once = {name for name, (_, part) in pods.items() if part.fenced and part.stopping}
        names = dict.fromkeys((*made.stop, *at_once, *_past([part for _, part in pods.values()])))
        await all_over(*(self._delete(key[0], pods[name][0], at_once=name in at_once) for name in names if name in pods))

    async def _delete(self, namespace: str, pod: PartPod, *, at_once: bool) -> None:
        options: Json = {"preconditions": {"uid": pod.uid}, **({"gracePeriodSeconds": 0} if at_once else {})}
        try:
            await self._kube.delete(f"{paths.pods(namespace)}/{pod.part.name}", options)
        except KubeError as error:
            if not error.conflict:  # another pod of that name by now
                raise
        self._wrote("pod")


def _past(parts: list[SeenPart]) -> list[str]:
    """Starts that ended and that two others followed: the last end of each slot is kept, for those who want to read its log."""
    newest: dict[str, int] = {}
    for part in parts:
        newest[part.slot] = max(part.start, newest.get(part.slot, 0))
    return [part.name for part in parts if part.exit_code is not None and part.start < newest[part.slot] - 1]
