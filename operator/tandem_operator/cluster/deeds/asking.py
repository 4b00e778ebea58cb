"""Asking the workers of a run for a checkpoint: an annotation of the pod that leads, which kubelet hands on to it as a file."""

import logging
import time
from collections.abc import Callable, Iterable

from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, part
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.seen.pods import SeenPod
from tandem_operator.plan.values import SaveAsked
from tandem_operator.render.manifest import SAVE_AFTER, SAVE_ASKED_AT

_log = logging.getLogger(__name__)
_TRIED_FOR_S = 100.0  # as long as workers have to answer: a webhook that is down may come back, and a drain waits meanwhile


class Asking:
    """Asks, and takes back what it asked for."""

    def __init__(
        self, kube: Kube, *, changed_pod: Callable[[Json], None], wrote: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask with `kube`; `changed_pod` is told of every pod as it is afterwards, `wrote` that one was changed."""
        self._kube, self._changed_pod, self._wrote, self._clock = kube, changed_pod, wrote, clock
        self._failing: dict[Key, float] = {}  # runs that could not be asked, since when

    async def ask(self, save: SaveAsked | None, pods: Iterable[SeenPod], attempt: int) -> bool:
        """Have the leading worker of an attempt be asked for `save`, or for nothing; False where that cannot be had of the cluster.

        Raises:
            KubeError: when the API server is in trouble, which may pass.
        """
        for pod in pods:
            worker = pod.worker
            leads = (worker.attempt, worker.rank, worker.spare) == (attempt, 0, False)
            if leads and worker.live and not worker.stopping:
                if worker.asked != save:
                    return await self._tried(pod, save)
                self._failing.pop(pod.run, None)  # it got through, though nobody answered
        return True

    def forget(self, key: Key) -> None:
        """The run is gone."""
        self._failing.pop(key, None)

    async def _tried(self, pod: SeenPod, save: SaveAsked | None) -> bool:
        try:
            heard = await self._told(pod, save)
        except KubeError as error:
            if save is None or error.gone:  # nobody waits for that; it has left meanwhile
                return True
            return self._given_up(pod, error)
        if save is None or heard:
            self._failing.pop(pod.run, None)
            return True
        return self._given_up(pod, KubeError(422, "Invalid", "something in the cluster takes the annotation off"))

    async def _told(self, pod: SeenPod, save: SaveAsked | None) -> bool:
        """Whether the pod bears what it was to be told."""
        told = {SAVE_AFTER: str(save.after), SAVE_ASKED_AT: save.at.isoformat()} if save else {SAVE_AFTER: None, SAVE_ASKED_AT: None}
        path = f"{paths.pods(pod.run[0])}/{pod.worker.name}"
        changed = await self._kube.merge(path, {"metadata": {"uid": pod.uid, "annotations": told}})
        self._changed_pod(changed)
        self._wrote("pod")
        return told.items() <= part(changed, "metadata", "annotations").items()

    def _given_up(self, pod: SeenPod, error: KubeError) -> bool:
        """False once it is clear that a run cannot be asked: then nobody is held up for it.

        Raises:
            KubeError: while that may pass.
        """
        new, since = pod.run not in self._failing, self._failing.setdefault(pod.run, self._clock())
        if new:
            _log.warning("%s/%s: its workers cannot be asked for a checkpoint before a drain: %s", *pod.run, error)
        if not error.refused and self._clock() - since < _TRIED_FOR_S:
            raise error
        return False
