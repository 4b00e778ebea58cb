"""What a test can ask of whatever cluster its kubeconfig leads to."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.control.taints import EFFECT, NOTICES
from tests.cluster.site import ClusterError

NODES = "/api/v1/nodes"
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyCluster:
    """A cluster that somebody runs."""

    kubeconfig: Path  # of an administrator
    kubectl_program: Path

    def kubectl(self, *arguments: object, stdin: str | None = None) -> str:
        """What kubectl says.

        Raises:
            ClusterError: When it fails; with what it said.
        """
        command = [str(self.kubectl_program), f"--kubeconfig={self.kubeconfig}", *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            msg = f"`kubectl {' '.join(map(str, arguments))}` failed: {done.stderr.strip()}"
            raise ClusterError(msg)
        return done.stdout

    def get(self, path: str) -> Any:
        """What the API has at a path: parsed if it is JSON.

        Raises:
            ClusterError: When it has nothing, or is not reached.
        """
        told = self.kubectl("get", "--raw", path)
        return json.loads(told) if told[:1] == "{" else told

    def wait_until(self, what: str, happened: Callable[[], object], seconds: float = 300) -> None:
        """Return once it has happened; what the API refuses meanwhile (not found, unreachable) counts as not yet.

        Raises:
            ClusterError: If it does not happen in time.
        """
        deadline = time.monotonic() + seconds
        last = "it is not so"
        while time.monotonic() < deadline:
            try:
                if happened():
                    return
            except ClusterError as error:
                last = str(error)
            time.sleep(_PAUSE_S)
        msg = f"gave up waiting for {what} after {seconds:.0f} s: {last}"
        raise ClusterError(msg)

    def new_namespace(self, prefix: str = "test") -> str:
        """The name of a namespace of its own, in which pods can be made: a controller gives it the account that they run under."""
        name = f"{prefix}-{secrets.token_hex(3)}"
        self.kubectl("create", "namespace", name)
        self.wait_until(f"the service account of {name}", lambda: self.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))
        return name

    @property
    def two_nodes(self) -> tuple[str, str]:
        """The first two nodes, by name, that take pods: node1 and node2 of a cluster of ours.

        Raises:
            ClusterError: When there are no two.
        """
        free = sorted(each["metadata"]["name"] for each in self.get(NODES)["items"] if _takes_pods(each))
        if len(free) < 2:
            msg = f"two nodes that are ready and not tainted are needed, and there is only {free}"
            raise ClusterError(msg)
        return free[0], free[1]

    def node_is_ready(self, name: str) -> bool:
        """What the API says of a node."""
        return _ready(self.get(f"{NODES}/{name}"))

    def node_notice(self, name: str, kind: str = "karpenter") -> None:
        """Taint a node as the machinery of that kind does when the node is about to go (`control/taints.py`)."""
        self.kubectl("taint", "node", name, "--overwrite", f"{NOTICES[kind]}:{EFFECT}")

    def node_untaint(self, name: str) -> None:
        """Take the taints of all notices off."""
        keys = {taint["key"] for taint in self.get(f"{NODES}/{name}")["spec"].get("taints", [])} & set(NOTICES.values())
        if keys:
            self.kubectl("taint", "node", name, *(f"{key}-" for key in sorted(keys)))


def _ready(node: Any) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", []))


def _takes_pods(node: Any) -> bool:
    return _ready(node) and not set(node["spec"]) & {"taints", "unschedulable"}
