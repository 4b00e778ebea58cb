"""Does the watch really tell? Once a minute the versions of all runs are listed, and compared with what the watch has told.

A watch can fall silent while its connection looks well (behind load balancers, or when a task of the library has died), and no probe
of HTTP sees that. Here a run that is not yet known as it was listed a minute ago proves it: it is taken in, and liveness fails until the
next comparison, which is time enough to be started anew. What was deleted while nobody watched is found the same way, and that is no
fault: kopf lists anew after a break, and never says what is missing from the new list.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from tandem_operator.cluster import paths
from tandem_operator.cluster.known.stored import Runs
from tandem_operator.cluster.kube.backoff import backoff_s
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import parts, text
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key, key_of
from tandem_operator.cluster.paths import Kind

_log = logging.getLogger(__name__)
_EVERY_S: Final = 60.0
_SETTLES_S: Final = 1.0  # what a list brings is taken in by then
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Resync:
    """Compares, for as long as it runs.

    Attributes:
        behind: Runs that the watch has not told of as they were a minute ago already.
        compared_at: When the last comparison was complete, by the clock of the running loop.
        agreed_at: When the last one was complete that found nothing behind; at first, when this was made.
    """

    def __init__(self, kube: Kube, runs: Runs, kind: Kind, namespace: str) -> None:
        self._kube, self._runs, self._kind, self._namespace = kube, runs, kind, namespace
        self._suspects: dict[Key, int] = {}
        self._listed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.behind: tuple[Key, ...] = ()
        self.compared_at = self.agreed_at = self._loop.time()

    def listed_anew(self) -> None:
        """The watch had to begin anew with a list: of what was deleted before that, it tells nothing."""
        self._listed.set()

    async def run(self) -> None:
        """Compare until cancelled: every minute, and clear away what is gone when the watch has begun anew."""
        due, failures = self._loop.time() + _EVERY_S, 0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - self._loop.time())):
                    await self._listed.wait()
                await asyncio.sleep(_SETTLES_S)
            try:
                if self._loop.time() >= due:
                    due += _EVERY_S
                    await self.compare()
                else:
                    self._listed.clear()
                    self._clear_away(*await self._versions())
                failures = 0
            except KubeError as error:
                failures += 1
                _log.warning("runs could not be compared: %s", error)
                self._listed.set()
                await asyncio.sleep(backoff_s(failures, _FIRST_PAUSE_S, _LONGEST_PAUSE_S))

    async def compare(self) -> None:
        """Compare once."""
        listed, at = await self._versions()
        self._clear_away(listed, at)
        self.behind = tuple(key for key, version in self._suspects.items() if key in listed and self._older(key, version))
        self._suspects = {key: version for key, version in listed.items() if self._older(key, version)}
        self.compared_at = self._loop.time()
        self.agreed_at = self.agreed_at if self.behind else self.compared_at
        for key in self.behind:
            _log.error("%s/%s: the watch has not told that it changed", *key)
            try:
                self._runs.put_run(await self._kube.get(paths.run(self._kind, key)))
            except KubeError as error:
                if not error.gone:
                    raise

    def _clear_away(self, listed: Mapping[Key, int], at: int) -> None:
        """Forget the runs that are not listed, save those that came after the list was made."""
        for key, run in [(key, run) for key, run in self._runs.runs() if key not in listed and run.version <= at]:
            _log.info("%s/%s is gone", *key)
            self._runs.miss_run(key, run.uid)

    def _older(self, key: Key, version: int) -> bool:
        known = self._runs.version(key)
        return known is None or known < version

    async def _versions(self) -> tuple[dict[Key, int], int]:
        """The versions of all runs that there are, and the version of the list."""
        found: dict[Key, int] = {}
        at = 0
        async for page in self._kube.pages(paths.runs(self._kind, self._namespace), accept=_METADATA):
            found |= {key_of(each): int(text(each, "metadata", "resourceVersion")) for each in parts(page, "items")}
            at = at or int(text(page, "metadata", "resourceVersion"))
        return found, at
