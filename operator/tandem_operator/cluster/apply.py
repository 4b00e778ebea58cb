"""Doing what a plan says: start, write the status, say the events, stop, hold or let go.

Killed between any two requests, or refused one, the next look finds a world in which the rest is planned again. Nothing is done
twice: names are derived, so what exists is a conflict; a status is written for the very version of the run that was looked at.
Why an attempt ends is written before anybody is asked to leave for it: pods leave nothing behind, and whoever comes after us could
not tell a worker that we sent away from one that was lost.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import API_VERSION, TrainingRun
from tandem_operator.plan.values import Event, Plan, Seen, Worker
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.disruption_budget import disruption_budget
from tandem_operator.render.pod import pod
from tandem_operator.render.service import rendezvous_service

from . import paths
from .happened import event
from .holds import Holds
from .kube.client import Kube
from .kube.document import Json
from .kube.errors import KubeError
from .kube.informer import Key
from .kube.lease import NotLeaderError
from .seen import waits
from .world import StoredRun, World

_log = logging.getLogger(__name__)
_SPENT: Final = {"spent_usd", "lost_usd", "looked_at", "eta_seconds"}  # go on by themselves; the next look knows them as well
_WRITTEN_EVERY: Final = timedelta(seconds=30)
_MOST_UNTOLD: Final = 10_000
Wrote = Callable[[str], None]


class Applying:
    """Carries out plans."""

    def __init__(self, kube: Kube, world: World, site: PodSite, *, made_pod: Callable[[Json], None], wrote: Wrote) -> None:
        """Carry them out with `kube`.

        Args:
            kube: The API server.
            world: What is known of it.
            site: What workers are told of this cluster.
            made_pod: Told of every pod that was made, so that the next look need not wait for the watch to tell of it.
            wrote: Told the kind of everything that was written.
        """
        self._kube, self._world, self._site, self._made_pod, self._wrote = kube, world, site, made_pod, wrote
        self._untold = deque[tuple[Key, Json]](maxlen=_MOST_UNTOLD)
        self._told = asyncio.Event()
        self.holds = Holds(kube, wrote)

    async def apply(self, made: Plan, run: TrainingRun, stored: StoredRun, seen: Seen, now: datetime) -> None:
        """Carry out a plan that was made for `run`, as `stored`, from `seen`.

        Raises:
            KubeError: when the API server refuses; what was done until then stays done.
        """
        key = (run.metadata.namespace, run.name)
        await self._start(made.start, run)
        if made.remove:
            await self._kube.delete(paths.run(key), {"propagationPolicy": "Background", "preconditions": {"uid": run.metadata.uid}})
            self._wrote("run")
            return
        if _worth_writing(run.status, made.status, now):
            await self.write_status(key, stored, made.status)
            self.say(made.events, key, stored.uid, now)
        await self._stop(made, key, seen)
        await self.holds.keep(disruption_budget(run, hold=made.hold), run.metadata.uid, hold=made.hold)

    async def write_status(self, key: Key, stored: StoredRun, status: RunStatus) -> None:
        """Write a status for exactly the version of the run that was looked at."""
        body: Json = {
            "apiVersion": API_VERSION,
            "kind": "TrainingRun",
            "metadata": {"name": key[1], "namespace": key[0], "uid": stored.uid, "resourceVersion": str(stored.version)},
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        self._world.put_answer(await self._kube.apply(f"{paths.run(key)}/status", body))
        self._wrote("status")

    async def _stop(self, made: Plan, key: Key, seen: Seen) -> None:
        """Ask workers to leave. Of those whose machine is silent only the object is left to delete, and nobody to ask."""
        fenced = {worker.name for worker in seen.workers if worker.fenced}
        uids = {pod.worker.name: pod.uid for pod in self._world.pods_of(key, self._uid(key))}
        names = dict.fromkeys((*made.stop, *(worker.name for worker in seen.workers if worker.fenced and worker.stopping)))
        await asyncio.gather(*(self._delete(key[0], name, uids[name], at_once=name in fenced) for name in names if name in uids))

    async def _delete(self, namespace: str, name: str, uid: str, *, at_once: bool) -> None:
        options: Json = {"preconditions": {"uid": uid}, **({"gracePeriodSeconds": 0} if at_once else {})}
        try:
            await self._kube.delete(f"{paths.pods(namespace)}/{name}", options)
        except KubeError as error:
            if not error.conflict:  # another pod of that name by now
                raise
        self._wrote("pod")

    async def _start(self, workers: tuple[Worker, ...], run: TrainingRun) -> None:
        if not workers:
            return
        if service := rendezvous_service(run):
            await self._create(paths.services(run.metadata.namespace), service, "service")
        refusals = await asyncio.gather(*(self._start_one(worker, run) for worker in workers))
        key = (run.metadata.namespace, run.name)
        refused = next((refusal for refusal in refusals if refusal), None)
        if refused is None:
            self._world.refusals.pop(key, None)
        else:
            self._world.refusals[key] = waits.refused(refused.status, str(refused))

    async def _start_one(self, worker: Worker, run: TrainingRun) -> KubeError | None:
        """Start a worker; the refusal, when the API server would not have its pod."""
        try:
            await self._create(paths.pods(run.metadata.namespace), pod(worker, run, self._site), "pod")
        except KubeError as error:
            if not error.refused:
                raise
            return error
        return None

    async def _create(self, path: str, body: Json, kind: str) -> None:
        try:
            made = await self._kube.create(path, body)
        except KubeError as error:
            if not error.conflict:
                raise
            return
        self._wrote(kind)
        if kind == "pod":
            self._made_pod(made)

    def say(self, events: tuple[Event, ...], key: Key, uid: str, now: datetime) -> None:
        """Tell what happened, in the log at once and to the API server when that has time: no run waits for its events."""
        for each in events:
            _log.info("%s/%s: %s: %s", *key, each.reason, each.message)
            if len(self._untold) == self._untold.maxlen:
                _log.warning("%s/%s: too many events wait to be written; the oldest is left out", *key)
            self._untold.append((key, event(each, key, uid, now)))
            self._told.set()

    async def tell(self) -> None:
        """Write the events that wait, until cancelled."""
        while True:
            await self._told.wait()
            self._told.clear()
            while self._untold:
                await self._tell_one(*self._untold.popleft())

    async def _tell_one(self, key: Key, body: Json) -> None:
        try:
            await self._kube.create(paths.events(key[0]), body)
        except (KubeError, NotLeaderError) as error:
            _log.warning("%s/%s: event %s was not written: %s", *key, body["reason"], error)
        else:
            self._wrote("event")

    def _uid(self, key: Key) -> str:
        stored = self._world.run(key)
        return stored.uid if stored else ""


def _worth_writing(before: RunStatus, after: RunStatus, now: datetime) -> bool:
    """Whether more than the meter has moved, or that for long enough."""
    if before == after:
        return False
    metered = after.model_copy(update={name: getattr(before, name) for name in _SPENT})
    return metered != before or before.looked_at is None or now - before.looked_at >= _WRITTEN_EVERY
