"""What is written of a run itself: its status, for exactly the version that was looked at, and its end."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import API_VERSION
from tandem_operator.cluster import paths
from tandem_operator.cluster.known.stored import Runs, StoredRun, packed, unpacked
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.paths import Kind

_MOST_UNANSWERED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unanswered:
    """A status that may have been written, over a version of a run."""

    uid: str
    version: int
    status: bytes
    written: Callable[[], None]


class Writing:
    """Writes of the runs of one kind."""

    def __init__(self, kube: Kube, runs: Runs, kind: Kind, wrote: Callable[[str], None]) -> None:
        """Write with `kube` of `runs`; `wrote` is told what was written."""
        self._kube, self._runs, self._kind, self._wrote = kube, runs, kind, wrote
        self._unanswered: dict[Key, deque[_Unanswered]] = {}

    async def status(
        self,
        key: Key,
        stored: StoredRun,
        status: RunStatus | DualRunStatus,
        written: Callable[[], None],
        otherwise: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Write a status for exactly the version of the run that was looked at.

        Args:
            key: Of the run.
            stored: The run as it was looked at.
            status: What is to be written.
            written: Called when it is known that it was; if nobody answers, by the look that finds it there.
            otherwise: Done where it cannot be written, for a reason that does not pass with the next look.

        Raises:
            KubeError: when the API server refuses; also after `otherwise`.
        """
        body: Json = {
            "apiVersion": API_VERSION,
            "kind": self._kind.name,
            "metadata": {"name": key[1], "namespace": key[0], "uid": stored.uid, "resourceVersion": str(stored.version)},
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        try:
            await self._write(key, body)
        except Exception as error:
            if isinstance(error, KubeError) and error.uncertain:
                self._doubt(key, _Unanswered(uid=stored.uid, version=stored.version, status=packed(body["status"]), written=written))
            passes = isinstance(error, KubeError) and (error.conflict or error.gone)
            if otherwise and not passes:
                await otherwise()
            raise
        self._unanswered.pop(key, None)
        written()

    async def _write(self, key: Key, body: Json) -> None:
        with self._runs.writing(key):
            self._runs.put_answer(await self._kube.apply(f"{paths.run(self._kind, key)}/status", body))
        self._wrote("status")

    def _doubt(self, key: Key, new: _Unanswered) -> None:
        """Keep what may have been written; of several over one version it can be any, but only one."""
        others = self._unanswered.setdefault(key, deque(maxlen=_MOST_UNANSWERED))
        if others and (others[0].uid, others[0].version) != (new.uid, new.version):
            others.clear()
        others.append(new)

    def look(self, key: Key, stored: StoredRun | None) -> None:
        """A run is looked at, or gone: a status of it whose writing nobody has answered may turn out to be there."""
        unanswered = self._unanswered.get(key)
        if unanswered is None or (stored and (stored.uid, stored.version) == (unanswered[0].uid, unanswered[0].version)):
            return  # the watch has not told yet; or it was not written, and is anew
        del self._unanswered[key]
        if stored and stored.uid == unanswered[0].uid:
            there = unpacked(stored.status)
            if found := next((each for each in unanswered if unpacked(each.status) == there), None):
                found.written()

    async def remove(self, key: Key, stored: StoredRun) -> None:
        """Delete a run that has outlived its time, as it was looked at: whoever has just edited it may want to keep it.

        Raises:
            KubeError: when the API server refuses.
        """
        conditions = {"uid": stored.uid, "resourceVersion": str(stored.version)}
        await self._kube.delete(paths.run(self._kind, key), {"propagationPolicy": "Background", "preconditions": conditions})
        self._wrote("run")
