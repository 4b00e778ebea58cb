"""Having pods leave: exactly those that were meant, and whoever has left already, or made room for another of its name, is no trouble.

A pod that is deleted at once is on a machine that nobody hears of, so its kubelet will not tell that it has ended. Where somebody has to
let go of it first, by a finalizer, as Kueue does when all pods of a group have ended, it would stay, and hold its quota, until that
machine is back or forgotten. So we tell it, as Kubernetes' own pod garbage collector does for machines that are not there any more.
"""

from collections.abc import Callable
from typing import Final

from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, parts, text
from tandem_operator.cluster.kube.errors import KubeError

_LOST: Final = {"phase": "Failed", "reason": "NodeLost", "message": "its machine is not heard of"}


class Leaving:
    """Asks pods to leave."""

    def __init__(self, kube: Kube, wrote: Callable[[str], None]) -> None:
        """Ask with `kube`; `wrote` is told of every pod that was asked."""
        self._kube, self._wrote = kube, wrote

    async def ask(self, namespace: str, name: str, uid: str, *, at_once: bool) -> None:
        """Ask the pod of this name and uid to leave; `at_once` without its grace period.

        Raises:
            KubeError: when the API server refuses.
        """
        path, options = f"{paths.pods(namespace)}/{name}", {"preconditions": {"uid": uid}, **({"gracePeriodSeconds": 0} if at_once else {})}
        try:
            left = await self._kube.delete(path, options)
            if at_once and _stays(left):
                await self._kube.merge(f"{path}/status", {"metadata": {"uid": uid}, "status": _LOST})
        except KubeError as error:
            if not (error.conflict or error.gone):  # another pod of that name by now, or none
                raise
        self._wrote("pod")


def _stays(left: Json) -> bool:
    """Whether a pod that was on a machine is still there, since somebody has not let go of it, and does not say that it has ended."""
    held = text(left, "kind") == "Pod" and bool(parts(left, "metadata", "finalizers"))
    return held and bool(text(left, "spec", "nodeName")) and text(left, "status", "phase") not in {"Succeeded", "Failed"}
