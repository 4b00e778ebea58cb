"""Does the watch really tell? Once a minute the versions of all runs are listed, and compared with what the watch has told.

A watch can fall silent while its connection looks well (behind load balancers, or when a task of the library has died), and no probe
of HTTP sees that. Here a run that stays different over two lists proves it: it is taken in, and liveness fails until the watch has
caught up. What was deleted while nobody watched is found the same way.
"""

import asyncio
import logging
from typing import Final

from . import paths
from .kube.client import Kube
from .kube.document import Json, parts, text
from .kube.errors import KubeError
from .kube.informer import Key, key_of
from .world import World

_log = logging.getLogger(__name__)
_EVERY_S: Final = 60.0
_PAGE: Final = 500
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Resync:
    """Compares, for as long as it runs.

    Attributes:
        behind: Runs that the watch has not told of, although they were so a minute ago already.
        compared_at: When the last comparison was complete, by the clock of the running loop.
    """

    def __init__(self, kube: Kube, world: World, namespace: str) -> None:
        self._kube, self._world, self._namespace = kube, world, namespace
        self._suspects: dict[Key, str] = {}
        self.behind: tuple[Key, ...] = ()
        self.compared_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Compare until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.compare()
            except KubeError as error:
                _log.warning("runs could not be compared: %s", error)

    async def compare(self) -> None:
        """Compare once."""
        listed = await self._versions()
        suspects = {key: version for key, version in listed.items() if self._differs(key, version)}
        suspects |= {key: "" for key, _ in self._world.runs() if key not in listed}
        self.behind = tuple(
            key for key, version in suspects.items() if key in self._suspects and (version == "") == (self._suspects[key] == "")
        )
        self._suspects = suspects
        self.compared_at = asyncio.get_running_loop().time()
        for key in self.behind:
            await self._mend(key, gone=suspects[key] == "")

    async def _mend(self, key: Key, *, gone: bool) -> None:
        _log.error("%s/%s: the watch has not told that it %s", *key, "is gone" if gone else "changed")
        if gone:
            self._world.drop_run(key)
            return
        try:
            self._world.put_run(await self._kube.get(paths.run(key)))
        except KubeError as error:
            if not error.gone:
                raise

    def _differs(self, key: Key, version: str) -> bool:
        known = self._world.run(key)
        return known is None or known.version < int(version)

    async def _versions(self) -> dict[Key, str]:
        found: dict[Key, str] = {}
        more = ""
        while True:
            query: dict[str, str | int] = {"limit": _PAGE, **({"continue": more} if more else {})}
            page: Json = await self._kube.get(paths.runs(self._namespace), accept=_METADATA, **query)
            found |= {key_of(each): text(each, "metadata", "resourceVersion") for each in parts(page, "items")}
            more = text(page, "metadata", "continue")
            if not more:
                return found
