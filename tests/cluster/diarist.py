"""A pod that writes down, five times a second, whether it hears the control plane: what its node does shows in its diary."""

import json
from dataclasses import dataclass

from tests.cluster.cluster import Cluster
from tests.parts.base_images import BASE_IMAGE

_POD = "/api/v1/namespaces/{}/pods/diarist"
_SCRIPT = """
import socket, sys, time
while True:
    try:
        socket.create_connection((sys.argv[1], 9000), timeout=0.5).close()
        heard = "heard"
    except OSError:
        heard = "alone"
    with open("/diary/diary", "a") as file:
        file.write(heard + "\\n")
    time.sleep(0.2)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diarist:
    """The pod, and its diary on the disk of its node, which we read past the API and the network."""

    cluster: Cluster
    namespace: str
    node: str
    uid: str

    @property
    def entries(self) -> list[str]:
        folder = self.cluster.site.run / self.node / "var/lib/kubelet/pods" / self.uid / "volumes/kubernetes.io~empty-dir/diary"
        file = folder / "diary"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def starts(self) -> int:
        """How many containers it has had, as the API knows."""
        told = self.cluster.get(_POD.format(self.namespace))["status"].get("containerStatuses", [])  # none for a moment
        return sum(container["restartCount"] + 1 for container in told)


def write_diary(cluster: Cluster, namespace: str, node: str) -> Diarist:
    """Start the pod on that node and return when it has written something."""
    container = {
        "name": "diarist",
        "image": BASE_IMAGE,
        "command": ["python3", "-c", _SCRIPT, cluster.site.host],
        "volumeMounts": [{"name": "diary", "mountPath": "/diary"}],
    }
    volumes = [{"name": "diary", "emptyDir": {}}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "diarist", "namespace": namespace},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container], "volumes": volumes},
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(pod))
    uid = cluster.get(_POD.format(namespace))["metadata"]["uid"]
    diarist = Diarist(cluster=cluster, namespace=namespace, node=node, uid=uid)
    cluster.wait_until("the pod to write", lambda: diarist.entries)
    return diarist
