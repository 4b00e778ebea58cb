"""The installation's operator, in the hands of a test that kills it: its kubelet starts it again in its pod whenever it has ended."""

import time
from dataclasses import dataclass
from typing import Self

from tests.e2e.cluster.installation import RELEASE
from tests.e2e.cluster.pod_processes import kill, processes
from tests.operator.cluster.api import PODS, Api

_PROGRAM = "tandem_operator"
_LEASES = "/apis/coordination.k8s.io/v1/leases"


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledOperator:
    """One pod, many lives."""

    api: Api
    pod: str

    @classmethod
    def of(cls, api: Api) -> Self:
        """The one that is there."""
        found = [each["metadata"] for each in api.items(PODS.format(RELEASE), labelSelector="app.kubernetes.io/component=operator")]
        (ours,) = [each for each in found if "deletionTimestamp" not in each]  # one that was replaced may still be on its way out
        return cls(api=api, pod=ours["name"])

    def die(self) -> str:
        """SIGKILL; the version of its Lease that it leaves behind.

        One that has ended by itself has died, too, as after ten seconds without an API server.
        """
        kill(self.pod, _PROGRAM)
        return self._lease()

    def acts_since(self, version: str = "") -> bool:
        """Whether it runs again and has its Lease. A kubelet that found it too early to start a container looks when its pod changes."""
        if not processes(self.pod, _PROGRAM):
            self.api.patch(self._path, {"metadata": {"annotations": {"tandem.test/looked-at": str(time.monotonic())}}})
            return False
        return self._lease() not in {"", version}

    def is_ready(self) -> bool:
        """Whether its kubelet has found it well."""
        return any(each["type"] == "Ready" and each["status"] == "True" for each in self.api.get(self._path)["status"]["conditions"])

    @property
    def _path(self) -> str:
        return f"{PODS.format(RELEASE)}/{self.pod}"

    def _lease(self) -> str:
        """The version of the Lease that it holds; empty, if another does that it has only just replaced."""
        found = [each["metadata"] for each in self.api.items(_LEASES) if each["spec"].get("holderIdentity") == self.pod]
        return found[0]["resourceVersion"] if found else ""
