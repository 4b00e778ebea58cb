"""The MinIO that the chart starts: what is kept there outlives its pod."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.foreign import ForeignCluster
from tests.e2e.cluster.installation import RELEASE, Installation, Tenant
from tests.parts import minio_image
from tests.parts.fixtures import needing, say

pytestmark = pytest.mark.slow
POD = f"pod/{RELEASE}-minio-0"


@pytest.fixture
def image(cluster: Cluster, minio_program: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings for the image; where a hub is at hand, the chart's own."""
    if isinstance(cluster, ForeignCluster):
        return {}
    with needing("an image of MinIO", request.config):
        cluster.load_image(minio_image.minio_image(minio_program, lambda line: say(request.config, line)))
    named = {"registry": minio_image.REGISTRY, "repository": minio_image.REPOSITORY, "tag": minio_image.TAG, "pullPolicy": "Never"}
    return {f"minio.image.{name}": value for name, value in named.items()}


@pytest.fixture
def at_a_desk(installation: Installation, tenant: Tenant, image: dict[str, str]) -> Generator[Tenant]:
    """Somebody who has no S3 but the chart's, and no Secret but its copy."""
    ours = {"minio.enabled": "true", "minio.size": "1Gi", "minio.runNamespaces": f"{{{tenant.namespace}}}", **image}
    on = {r"minio.nodeSelector.kubernetes\.io/hostname": installation.services_on}
    installation.install(**ours, **on, **{f"checkpoints.{name}": "" for name in ("uri", "endpoint", "secret")})
    yield tenant
    tenant.kubectl("delete", "trainingruns", "--all")
    installation.install()


def test_checkpoints_outlive_the_pod_of_the_charts_minio(at_a_desk: Tenant, small: dict[str, Any], installation: Installation) -> None:
    """MinIO's pod is replaced beside a run that saves, and again while it rests: it saves on, and the next attempt reads what was saved."""
    run = at_a_desk.apply(small, workers=1)
    run.wait_for_checkpoint(50)
    _replace_minio(installation)
    run.wait_for_checkpoint(run.status["step"] + 50)
    run.edit(suspend=True)
    run.wait_for_phase("Suspended")
    run.wait_for_last_report()
    saved = run.status["step"]
    _replace_minio(installation)
    run.edit(suspend=False)
    run.wait_for_step(saved + 1, attempt=2)
    assert (run.status["failures"], run.status["lostSteps"]) == (0, 0)
    assert run.status["checkpoint"]["uri"].startswith("s3://tandem/runs/")
    assert run.manifests() == [], "the tests' own MinIO has what should be in the chart's"


def _replace_minio(installation: Installation) -> None:
    """`kubectl delete` its pod; returns when the next one serves."""
    installation.cluster.kubectl("-n", RELEASE, "delete", POD)
    installation.cluster.kubectl("-n", RELEASE, "rollout", "status", f"statefulset/{RELEASE}-minio", "--timeout=300s")
