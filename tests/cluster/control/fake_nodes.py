"""Nodes whose kubelet is played by kwok: their pods run at once and use nothing."""

from concurrent.futures import ThreadPoolExecutor

from tests.cluster.control import api
from tests.cluster.control.plane import launch
from tests.cluster.machine import processes
from tests.cluster.programs import Programs
from tests.cluster.site import Site
from tests.parts.kubernetes_tools import STAGES

_ROOM = {"cpu": "32", "memory": "256Gi", "pods": "110"}
_FAKE = {"kwok.x-k8s.io/node": "fake"}


def add_fake_nodes(site: Site, programs: Programs, count: int) -> None:
    """Let kwok play this many nodes, labelled `type=fake` and tainted `kwok.x-k8s.io/node=fake:NoSchedule`."""
    assert programs.kwok
    if not processes.running(site, programs.kwok.name):
        ours = ["--manage-all-nodes=false", "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake"]
        stages = programs.kwok.with_name(STAGES)
        launch(site, programs.kwok, f"--kubeconfig={site.admin}", f"--config={stages}", *ours, "--node-lease-duration-seconds=40")
    there = {node["metadata"]["name"] for node in api.call(site, "GET", "/api/v1/nodes?labelSelector=type=fake")["items"]}
    names = [f"fake-{number:03}" for number in range(count)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: _create(site, name), [name for name in names if name not in there]))


def _create(site: Site, name: str) -> None:
    node = {
        "metadata": {"name": name, "labels": {"type": "fake", "kubernetes.io/hostname": name}, "annotations": _FAKE},
        "spec": {"taints": [{"key": key, "value": value, "effect": "NoSchedule"} for key, value in _FAKE.items()]},
        "status": {"capacity": _ROOM, "allocatable": _ROOM},
    }
    api.call(site, "POST", "/api/v1/nodes", node)
