"""What is written of a run itself: its status, for exactly the version that was looked at, and its end."""

from collections.abc import Awaitable, Callable

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import API_VERSION
from tandem_operator.cluster import paths
from tandem_operator.cluster.known.stored import Runs, StoredRun
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.paths import Kind


class Writing:
    """Writes of the runs of one kind."""

    def __init__(self, kube: Kube, runs: Runs, kind: Kind, wrote: Callable[[str], None]) -> None:
        """Write with `kube` of `runs`; `wrote` is told what was written."""
        self._kube, self._runs, self._kind, self._wrote = kube, runs, kind, wrote

    async def status(self, key: Key, stored: StoredRun, status: RunStatus | DualRunStatus) -> None:
        """Write a status for exactly the version of the run that was looked at.

        Raises:
            KubeError: when the API server refuses.
        """
        body: Json = {
            "apiVersion": API_VERSION,
            "kind": self._kind.name,
            "metadata": {"name": key[1], "namespace": key[0], "uid": stored.uid, "resourceVersion": str(stored.version)},
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        with self._runs.writing(key):
            self._runs.put_answer(await self._kube.apply(f"{paths.run(self._kind, key)}/status", body))
        self._wrote("status")

    async def status_or(
        self, key: Key, stored: StoredRun, status: RunStatus | DualRunStatus, otherwise: Callable[[], Awaitable[None]] | None
    ) -> None:
        """Write a status; where it cannot be, for a reason that does not pass with the next look, do what is to be done `otherwise`.

        Raises:
            KubeError: when the API server refuses; also after `otherwise`.
        """
        try:
            await self.status(key, stored, status)
        except Exception as error:
            passes = isinstance(error, KubeError) and (error.conflict or error.gone)
            if otherwise and not passes:
                await otherwise()
            raise

    async def remove(self, key: Key, stored: StoredRun) -> None:
        """Delete a run that has outlived its time, as it was looked at: whoever has just edited it may want to keep it.

        Raises:
            KubeError: when the API server refuses.
        """
        conditions = {"uid": stored.uid, "resourceVersion": str(stored.version)}
        await self._kube.delete(paths.run(self._kind, key), {"propagationPolicy": "Background", "preconditions": conditions})
        self._wrote("run")
