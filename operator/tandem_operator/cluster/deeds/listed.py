"""The pods of a run as the API server knows them, whatever the watch has told."""

from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, parts
from tandem_operator.render.manifest import RUN_UID


async def pods_of(kube: Kube, namespace: str, run_uid: str) -> list[Json]:
    """All that it has made, whoever owns them by now.

    Raises:
        KubeError: when they cannot be listed.
    """
    return parts(await kube.get(paths.pods(namespace), labelSelector=f"{RUN_UID}={run_uid}"), "items")
