"""Having pods leave: exactly those that were meant, and whoever has left already, or made room for another of its name, is no trouble.

A pod that is lost is on a machine that nobody hears of, or that does not carry out that it leaves: no kubelet tells that it has ended.
Where somebody has to let go of it first, by a finalizer, as Kueue does when all pods of a group have ended, it would stay, and hold its
quota, until that machine is back or forgotten. So we tell it, as Kubernetes' own pod garbage collector does for machines that are gone.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, parts, text
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.together import all_over

from .listed import pods_of

_log = logging.getLogger(__name__)
_LOST: Final = {
    "phase": "Failed",
    "reason": "NodeLost",
    "message": "its machine is not heard of, or does not carry out that it leaves",
}


class Tenant(Protocol):
    """Who is in a pod, as it stands: a worker of a TrainingRun or a part of a DualRun."""

    @property
    def name(self) -> str:
        """The name of its pod."""
        ...

    @property
    def exit_code(self) -> int | None:
        """None while it has not ended, as far as that is known."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether it was asked to leave."""
        ...

    @property
    def fenced(self) -> bool:
        """Whether it is lost with its machine."""
        ...


Occupied = tuple[str, Tenant]
"""A pod, by its uid, and who is in it."""


class Leaving:
    """Asks pods to leave."""

    def __init__(self, kube: Kube, wrote: Callable[[str], None]) -> None:
        """Ask with `kube`; `wrote` is told of every pod that was asked."""
        self._kube, self._wrote = kube, wrote

    async def have_leave(self, namespace: str, name: str, uid: str, *, lost: bool = False, within_s: int | None = None) -> None:
        """Ask the pod of this name and uid to leave.

        Args:
            namespace: Its namespace.
            name: Its name.
            uid: What tells it from another of that name.
            lost: It is lost with its machine, so only the object is left, which goes as soon as everybody lets go of it.
            within_s: It has so long, and not its grace period; one that is lost has no time at all.

        Raises:
            KubeError: when the API server refuses that it goes.
        """
        left = await self._delete(namespace, name, uid, within_s=0 if lost else within_s)
        if lost and _stays(left):
            await self._tell_that_it_ended(namespace, name, {"uid": uid, "resourceVersion": text(left, "metadata", "resourceVersion")})

    async def give_up(self, namespace: str, pods: Iterable[Occupied]) -> None:
        """Have the objects go of pods that were asked to leave and are lost: nobody is there who could be asked once more.

        Raises:
            KubeError: when the API server refuses.
        """
        lost = [(tenant.name, uid) for uid, tenant in pods if tenant.fenced and tenant.stopping]
        await all_over(*(self.have_leave(namespace, name, uid, lost=True) for name, uid in lost))

    async def send_away(self, namespace: str, pods: Iterable[Occupied]) -> None:
        """Ask all to leave that have not ended and were not asked yet, and give up those that are lost.

        Raises:
            KubeError: when the API server refuses.
        """
        there = [(uid, tenant) for uid, tenant in pods if tenant.exit_code is None]
        unasked = ((tenant.name, uid) for uid, tenant in there if not tenant.stopping)
        await all_over(self.give_up(namespace, there), *(self.have_leave(namespace, name, uid) for name, uid in unasked))

    async def end(self, namespace: str, run_uid: str, pods: Iterable[Occupied]) -> bool:
        """Send away the pods of a run that is being deleted, except those that it has disowned; whether any of them has not ended yet.

        Raises:
            KubeError: when the API server refuses.
        """
        there = [(uid, tenant) for uid, tenant in pods if tenant.exit_code is None]
        if not all(tenant.stopping for _, tenant in there):
            owned = await self._owned(namespace, run_uid)
            there = [(uid, tenant) for uid, tenant in there if tenant.stopping or uid in owned]
        await self.send_away(namespace, there)
        return bool(there)

    async def _owned(self, namespace: str, run_uid: str) -> frozenset[str]:
        """The uids of the pods that go with a run: once they were left as orphans, nothing but their owners tells that they were."""
        pods = await pods_of(self._kube, namespace, run_uid)
        owned = (pod for pod in pods if any(text(each, "uid") == run_uid for each in parts(pod, "metadata", "ownerReferences")))
        return frozenset(text(pod, "metadata", "uid") for pod in owned)

    async def _tell_that_it_ended(self, namespace: str, name: str, known: Json) -> None:
        """Unless it has changed since: whoever changed it tells."""
        try:
            await self._kube.merge(f"{paths.pods(namespace)}/{name}/status", {"metadata": known, "status": _LOST})
        except KubeError as error:
            if error.refused:
                _log.warning("%s/%s: whoever holds it cannot be told that it has ended: %s", namespace, name, error)
            elif not (error.conflict or error.gone):
                raise

    async def _delete(self, namespace: str, name: str, uid: str, *, within_s: int | None) -> Json:
        """What is left of it; nothing, if it was gone."""
        options = {"preconditions": {"uid": uid}, **({} if within_s is None else {"gracePeriodSeconds": within_s})}
        left: Json = {}
        try:
            left = await self._kube.delete(f"{paths.pods(namespace)}/{name}", options)
        except KubeError as error:
            if not (error.conflict or error.gone):  # another pod of that name by now, or none
                raise
        self._wrote("pod")
        return left


def _stays(left: Json) -> bool:
    """Whether a pod that was on a machine is still there, since somebody has not let go of it, and does not say that it has ended."""
    held = text(left, "kind") == "Pod" and bool(parts(left, "metadata", "finalizers"))
    return held and bool(text(left, "spec", "nodeName")) and text(left, "status", "phase") not in {"Succeeded", "Failed"}
