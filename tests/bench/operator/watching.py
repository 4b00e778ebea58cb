"""How soon a change of a run can be seen by whoever watches it."""

import asyncio
import time
from pathlib import Path

from tandem_operator.cluster.kube.client import Kube, configuration
from tandem_operator.cluster.kube.limiter import Limiter

_RUNS = "/apis/tandem.dev/v1alpha1/namespaces/{}/trainingruns"


async def suspended_after_s(kubeconfig: Path, namespace: str, name: str) -> float:
    """Seconds from the wish to rest to a status that says so."""
    kube = Kube(await configuration({"KUBECONFIG": str(kubeconfig)}), Limiter(1000, 1000), lambda _: None, lambda: None)
    path = _RUNS.format(namespace)
    try:
        found = await kube.get(f"{path}/{name}")
        newest = await kube.get(path, limit=1)  # a run that nobody changed for long has a version that no watch begins at any more
        query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": newest["metadata"]["resourceVersion"]}
        async with kube.stream(path, 60, **query) as events:
            began = time.monotonic()
            wish = {"apiVersion": found["apiVersion"], "kind": found["kind"], "spec": {"suspend": True}}
            asked = asyncio.create_task(kube.apply(f"{path}/{name}", {**wish, "metadata": {"name": name, "namespace": namespace}}))
            async for event in events:
                if event["type"] == "ERROR":
                    raise AssertionError(event["object"])
                if event["object"].get("status", {}).get("phase") in {"Stopping", "Suspended"}:
                    await asked
                    return time.monotonic() - began
    finally:
        await kube.close()
    raise AssertionError(name)
