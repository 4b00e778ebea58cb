"""Many objects at once, made and counted by the same client for whoever is measured."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tandem_operator.cluster.kube.client import Kube, configuration
from tandem_operator.cluster.kube.limiter import Limiter

_AT_ONCE = 20
_PAUSE_S = 0.1
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PATIENCE_S = 1200.0
_COUNTED_A_SECOND = 500  # objects that are looked at to count them, which is work, too
_FAKE = {"nodeSelector": {"type": "fake"}, "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}]}


def job(name: str, namespace: str) -> dict[str, Any]:
    """A Job of one pod on a fake node: what the peer is asked for."""
    container = {"name": "worker", "image": "none"}
    template = {"spec": {**_FAKE, "restartPolicy": "Never", "containers": [container]}}
    spec = {"backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def run(name: str, namespace: str) -> dict[str, Any]:
    """A TrainingRun of one pod on a fake node."""
    spec = {"trainer": {"deepspeed": {}}, "phases": [{"name": "all", "steps": 1_000_000}], "placement": _FAKE}
    return {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


class Load:
    """A namespace full of objects of one kind."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube, self.namespace = kube, namespace

    @classmethod
    async def begin(cls, kubeconfig: Path, namespace: str) -> "Load":
        """An empty namespace."""
        kube = Kube(await configuration({"KUBECONFIG": str(kubeconfig)}), Limiter(5000, 5000), lambda _: None, lambda: None)
        await kube.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        while not (await kube.get(accounts))["items"]:  # noqa: ASYNC110 - a controller makes the one that pods run under
            await asyncio.sleep(_PAUSE_S)
        return cls(kube, namespace)

    async def create(self, collection: str, make: Callable[[str, str], dict[str, Any]], count: int) -> None:
        """Create `count` objects, twenty at a time."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> None:
            async with turn:
                await self._kube.create(f"{collection}/namespaces/{self.namespace}/{_plural(make)}", make(f"n{number}", self.namespace))

        await asyncio.gather(*(one(number) for number in range(count)))

    async def create_one(self, collection: str, make: Callable[[str, str], dict[str, Any]], name: str) -> None:
        """Create one object."""
        await self._kube.create(f"{collection}/namespaces/{self.namespace}/{_plural(make)}", make(name, self.namespace))

    async def found(self, collection: str, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind, which should not be many."""
        return (await self._kube.get(f"{collection}/namespaces/{self.namespace}/{plural}"))["items"]

    async def delete(self, collection: str, plural: str, name: str) -> None:
        """Delete an object, and in the background what it owns."""
        await self._kube.delete(f"{collection}/namespaces/{self.namespace}/{plural}/{name}", {"propagationPolicy": "Background"})

    async def end_pod(self, name: str) -> None:
        """Have the only container of a pod on a fake node be done."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}"
        container = (await self._kube.get(path))["spec"]["containers"][0]
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ended = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}}
        state = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0, "ready": False, "state": ended}
        await self._kube.merge(f"{path}/status", {"status": {"phase": "Succeeded", "containerStatuses": [state]}})

    async def until_pods(self, count: int) -> None:
        """Return when there are that many pods."""
        deadline = time.monotonic() + _PATIENCE_S
        while (there := await self.count("/api/v1", "pods")) < count:
            assert time.monotonic() < deadline, f"{there} of {count} pods after {_PATIENCE_S:.0f} s"
            await asyncio.sleep(0.1)

    async def until(self, count: int, collection: str, plural: str, true: Callable[[dict[str, Any]], bool]) -> None:
        """Return when so many objects are as wanted."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            pages = self._kube.pages(f"{collection}/namespaces/{self.namespace}/{plural}")
            there = sum([sum(map(true, page["items"])) async for page in pages])
            if there >= count:
                return
            assert time.monotonic() < deadline, f"{there} of {count} {plural} after {_PATIENCE_S:.0f} s"
            await asyncio.sleep(count / _COUNTED_A_SECOND)

    async def count(self, collection: str, plural: str) -> int:
        """How many objects there are."""
        page = await self._kube.get(f"{collection}/namespaces/{self.namespace}/{plural}", accept=_METADATA, limit=1)
        return len(page["items"] or []) + int(page["metadata"].get("remainingItemCount") or 0)

    async def end(self) -> None:
        """Delete everything, and wait until it is gone."""
        await self._kube.delete(f"/api/v1/namespaces/{self.namespace}", {})
        deadline = time.monotonic() + _PATIENCE_S
        while (await self._kube.get("/api/v1/namespaces", fieldSelector=f"metadata.name={self.namespace}"))["items"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(1)
        await self._kube.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What it took until all pods existed: time, and processor time of whoever was asked about."""

    took_s: float
    cpu_s: tuple[float, ...]


async def until_pods(kubeconfig: Path, namespace: str, kind: str, count: int, spent: Callable[[], tuple[float, ...]]) -> Cost:
    """From the first create of `count` Jobs or runs to the moment at which all their pods exist; leaves nothing behind.

    `spent` tells the processor time used so far: of the cluster, say, and of an operator.
    """
    load = await Load.begin(kubeconfig, namespace)
    collection, make = {"job": ("/apis/batch/v1", job), "run": ("/apis/tandem.dev/v1alpha1", run)}[kind]
    began, before = time.monotonic(), spent()
    await asyncio.gather(load.create(collection, make, count), load.until_pods(count))
    took_s, after = time.monotonic() - began, spent()
    await load.end()
    return Cost(took_s=took_s, cpu_s=tuple(late - early for early, late in zip(before, after, strict=True)))


def _plural(make: Callable[[str, str], dict[str, Any]]) -> str:
    return "jobs" if make is job else "trainingruns"
