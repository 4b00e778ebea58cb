"""Machines whose kubelets a test plays: pods come up, end and leave when and how the test says.

A stand-in for what no real kubelet can be told: to end a worker with a certain code at a certain moment, or not to hear. It does what a
kubelet does, in its order: a pod that was asked to leave first gets its last status, and only then its object goes.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

from tests.operator.cluster.api import PODS, Api, Object, RefusedError

HAND = "tandem.test/by-hand"
PLACEMENT = {"nodeSelector": {HAND: "yes"}, "tolerations": [{"key": HAND, "operator": "Exists"}]}
"""The placement of runs that shall run here."""

_ALL_PODS = "/api/v1/pods"
_NODES = "/api/v1/nodes"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_BEATS_S = 4  # less than any control plane's patience
_PAUSE_S = 0.1
_PATIENCE_S = 300
_NOT_YET = "node.kubernetes.io/"  # what the keys of the control plane's own taints begin with
_ROOM = {"cpu": "64", "memory": "256Gi", "pods": "500"}


class Kubelets:
    """The kubelets of a few nodes.

    Attributes:
        idle: Pods (by namespace and name) that do not come up, however long they have their machine.
        deaf: Pods that were asked to leave and do not.
        leaves_with: What a worker says that was asked to leave.
    """

    def __init__(self, api: Api, names: tuple[str, ...], *, for_all: bool = False) -> None:
        """Play the kubelets of nodes of these names, which take any pod if they are `for_all`."""
        self.idle: set[tuple[str, str]] = set()
        self.deaf: set[tuple[str, str]] = set()
        self.leaves_with = 143
        self._api, self._names, self._for_all = api, names, for_all
        self._over = threading.Event()

    def end(self, namespace: str, name: str, code: int, message: str = "", **more: Any) -> None:
        """A worker exits."""
        pod = self._api.get(f"{PODS.format(namespace)}/{name}")
        self._say(pod, _ended(pod, code, message, **more))

    def disrupt(self, namespace: str, name: str, reason: str = "EvictionByEvictionAPI") -> None:
        """The platform says that it will end a worker. Without a time the disruption controller would take that back as stale."""
        said = {**_condition("DisruptionTarget"), "reason": reason}
        self._say(self._api.get(f"{PODS.format(namespace)}/{name}"), {"conditions": [said]})

    def start(self, namespace: str, name: str) -> None:
        """An idle worker comes up after all."""
        self.idle.discard((namespace, name))
        self._play("MODIFIED", self._api.get(f"{PODS.format(namespace)}/{name}"))

    def let_go(self, namespace: str, name: str) -> None:
        """A deaf worker leaves after all."""
        self.deaf.discard((namespace, name))
        self._play("MODIFIED", self._api.get(f"{PODS.format(namespace)}/{name}"))

    @contextmanager
    def at_work(self) -> Generator["Kubelets"]:
        """The nodes are there, within it."""
        for name in self._names:
            with suppress(RefusedError):  # left there by tests that were killed
                self._api.delete(f"{_NODES}/{name}")
            self._api.create(_NODES, _node(name, tainted=not self._for_all))
        threads = [
            threading.Thread(target=self._follow, args=[self._listed()], daemon=True),
            threading.Thread(target=self._beat, daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            self._wait_until_trusted()
            yield self
        finally:
            self._over.set()
            for name in self._names:
                self._api.delete(f"{_NODES}/{name}")
                with suppress(RefusedError):
                    self._api.delete(f"{_LEASES}/{name}")

    def _wait_until_trusted(self) -> None:
        """Until pods may come to all nodes: the control plane keeps them from one that is new until it has seen that it is well."""
        deadline = time.monotonic() + _PATIENCE_S
        while any(each["key"].startswith(_NOT_YET) for name in self._names for each in self._taints(name)):
            assert time.monotonic() < deadline, f"gave up waiting for {self._names} to be trusted"
            time.sleep(_PAUSE_S)

    def _taints(self, name: str) -> list[Object]:
        return self._api.get(f"{_NODES}/{name}")["spec"].get("taints", [])

    def _follow(self, version: str) -> None:
        while not self._over.is_set():
            try:
                version = self._followed(version or self._listed())
            except (RefusedError, HTTPException, OSError, ValueError):  # also in the middle of a line: all is looked at anew
                version = ""
                self._over.wait(_PAUSE_S)

    def _followed(self, version: str) -> str:
        """Play what comes after a version, for a while; the version after that."""
        for kind, pod in self._api.watch(_ALL_PODS, version):
            version = pod["metadata"]["resourceVersion"]
            if kind != "BOOKMARK":
                self._play(kind, pod)
            if self._over.is_set():
                break
        return version

    def _listed(self) -> str:
        """Play all that is there; the version of that."""
        listed = self._api.get(_ALL_PODS)
        for pod in listed["items"]:
            self._play("ADDED", pod)
        return listed["metadata"]["resourceVersion"]

    def _play(self, kind: str, pod: Object) -> None:
        key, phase = (pod["metadata"]["namespace"], pod["metadata"]["name"]), pod["status"].get("phase")
        if kind == "DELETED" or pod["spec"].get("nodeName") not in self._names:
            return
        with suppress(RefusedError):  # it has changed, or is gone: that is told, too
            if "deletionTimestamp" not in pod["metadata"]:
                if phase == "Pending" and key not in self.idle:
                    self._say(pod, _running(pod))
            elif phase in {"Succeeded", "Failed"}:
                self._api.delete(_path(pod), gracePeriodSeconds=0, preconditions={"uid": pod["metadata"]["uid"]})
            elif key not in self.deaf:
                self._say(pod, _ended(pod, self.leaves_with, ""))

    def _say(self, pod: Object, status: Object) -> None:
        self._api.patch(f"{_path(pod)}/status", {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}, "strategic")

    def _beat(self) -> None:
        api = self._api
        while not self._over.wait(_BEATS_S):
            for name in self._names:
                spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now(".%fZ")}
                lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}
                with suppress(RefusedError, HTTPException, OSError):
                    api.patch(f"{_LEASES}/{name}", lease, "apply")


@contextmanager
def silent(api: Api, machine: str) -> Generator[None]:
    """Within it nobody hears of a machine."""
    path = f"{_NODES}/{machine}"
    (ready,) = (each for each in api.get(path)["status"]["conditions"] if each["type"] == "Ready")
    try:
        api.patch(f"{path}/status", {"status": {"conditions": [{**ready, "status": "Unknown"}]}}, "strategic")
        yield
    finally:
        api.patch(f"{path}/status", {"status": {"conditions": [ready]}}, "strategic")


def _node(name: str, *, tainted: bool) -> Object:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now(), "lastTransitionTime": _now()}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {HAND: "yes", "kubernetes.io/hostname": name}},
        "spec": {"taints": [{"key": HAND, "value": "yes", "effect": "NoSchedule"}] if tainted else []},
        "status": {"capacity": _ROOM, "allocatable": _ROOM, "conditions": [ready]},
    }


def _running(pod: Object) -> Object:
    state = {"running": {"startedAt": _now()}}
    conditions = [_condition("PodReadyToStartContainers"), _condition("Initialized"), _condition("Ready"), _condition("ContainersReady")]
    return {"phase": "Running", "startTime": _now(), "conditions": conditions, "containerStatuses": _containers(pod, state, up=True)}


def _ended(pod: Object, code: int, message: str, **more: Any) -> Object:
    reason = more.pop("container_reason", "Completed" if code == 0 else "Error")
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message, "startedAt": _now(), "finishedAt": _now()}}
    phase = "Succeeded" if code == 0 else "Failed"
    return {"phase": phase, "containerStatuses": _containers(pod, state, up=False), **more}


def _containers(pod: Object, state: Object, *, up: bool) -> list[Object]:
    every = pod["spec"]["containers"]
    same = {"imageID": "", "restartCount": 0, "ready": up, "started": up, "state": state}
    return [{"name": each["name"], "image": each["image"], **same} for each in every]


def _condition(kind: str) -> Object:
    return {"type": kind, "status": "True", "lastTransitionTime": _now()}


def _path(pod: Object) -> str:
    return f"{PODS.format(pod['metadata']['namespace'])}/{pod['metadata']['name']}"


def _now(fraction: str = "Z") -> str:
    return datetime.now(UTC).strftime(f"%Y-%m-%dT%H:%M:%S{fraction}")
