"""Having pods leave: exactly those that were meant, and whoever has left already, or made room for another of its name, is no trouble."""

from collections.abc import Callable

from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.errors import KubeError


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
        options: Json = {"preconditions": {"uid": uid}, **({"gracePeriodSeconds": 0} if at_once else {})}
        try:
            await self._kube.delete(f"{paths.pods(namespace)}/{name}", options)
        except KubeError as error:
            if not error.conflict:  # another pod of that name by now
                raise
        self._wrote("pod")
