"""Whose runs are whose, where several releases of Tandem are in one cluster: one operator for each run, whatever is installed.

What is watched has one Lease, wherever the operators that want it are installed: that of a namespace is in it, that of all namespaces in a
namespace that every cluster has. So two releases that watch the same never both act. A release that watches one namespace has
it for itself: an operator of all namespaces leaves the runs there alone for as long as that Lease is held.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, part, parts, text
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Informer, Key, key_of
from tandem_operator.cluster.kube.lease import LASTS_S, RELEASE

from .stored import Runs

_log = logging.getLogger(__name__)
OF_ONE: Final = "tandem-operator"
OF_ALL: Final = "tandem-operator-of-all-namespaces"  # another name: the namespace that it is in may have an operator of its own
HOME_OF_ALL: Final = "default"  # no setting: operators that were told differently would not meet
_LEASES: Final = "/apis/coordination.k8s.io/v1/leases"
_OF_ONE_ONLY: Final = f"metadata.name={OF_ONE}"
_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    holder: str
    version: str
    heard_at: float


def lease_of(namespace: str) -> Key:
    """Where the Lease of those is that watch a namespace, or all of them when it is empty, and what it is called."""
    return (namespace, OF_ONE) if namespace else (HOME_OF_ALL, OF_ALL)


class Neighbours:
    """The namespaces that have an operator of their own."""

    def __init__(self, worlds: Collection[Runs], clock: Callable[[], float], *, came_back: Callable[[str], None]) -> None:
        """Know of none; `worlds` are told which namespace has got one, or has it no more; `clock` gives seconds.

        `came_back` is told first of a namespace that has it no more: others have written there meanwhile.
        """
        self._worlds, self._clock, self._came_back = worlds, clock, came_back
        self._held: dict[str, _Held] = {}
        self._dead: dict[str, str] = {}  # Leases that nobody renewed, by namespace: each as it was seen last

    def follows(self, kube: Kube) -> Informer:
        """What tells of their Leases."""
        return Informer(kube, _LEASES, self.put, self.drop, fields=_OF_ONE_ONLY)

    def put(self, found: Json) -> None:
        """A Lease was seen. One that was given back is not free at once: most likely its operator is only started anew."""
        namespace, version, holder = key_of(found)[0], text(found, "metadata", "resourceVersion"), text(found, "spec", "holderIdentity")
        before = self._held.get(namespace)
        if before is None and (not holder or self._dead.get(namespace) == version):
            return
        if before is None or before.version != version:
            holder = holder or (before.holder if before else "")
            self._held[namespace] = _Held(holder=holder, version=version, heard_at=self._clock())
            if before is None:
                release = text(part(found, "metadata", "annotations"), RELEASE) or "another release"
                _log.info("the runs of %s are left to %s of %s", namespace, holder, release)
                for world in self._worlds:
                    world.leave(namespace)

    def drop(self, key: Key) -> None:
        """A Lease is gone."""
        self._dead.pop(key[0], None)
        self._let_in(key[0])

    def _let_in(self, namespace: str) -> None:
        """Care again for the runs of a namespace, if they were left to another operator."""
        if left := self._held.pop(namespace, None):
            _log.info("the runs of %s are cared for: %s has let go of them", namespace, left.holder)
            self._came_back(namespace)
            for world in self._worlds:
                world.come_back(namespace)

    def look(self) -> None:
        """Care again for runs whose operator's Lease was not renewed for twice its length."""
        for namespace, held in self._silent():
            self._dead[namespace] = held.version
            self._let_in(namespace)

    async def keep_looking(self, kube: Kube) -> None:
        """Do so until cancelled. A watch that was cut is as silent as an operator that died, so the server is asked before."""
        while True:
            await asyncio.sleep(_EVERY_S)
            if self._silent():
                await self._ask(kube)

    async def _ask(self, kube: Kube) -> None:
        try:
            found = await kube.get(_LEASES, fieldSelector=_OF_ONE_ONLY)
        except KubeError as error:
            _log.warning("whether other operators are at work cannot be found out: %s", error)
            return
        for each in parts(found, "items"):
            self.put(each)
        self.look()

    def _silent(self) -> Sequence[tuple[str, _Held]]:
        return [each for each in self._held.items() if self._clock() - each[1].heard_at > 2 * LASTS_S]
