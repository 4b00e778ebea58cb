"""A cluster with Tandem in it, for all tests of this folder."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import ROOT, Installation, Tenant
from tests.images.conftest import ARGUMENTS, DOCKERFILES
from tests.parts.fixtures import needing, program, say
from tests.parts.images import bases, build
from tests.parts.kubernetes_tools import HELM


@pytest.fixture(scope="session")
def installation(cluster: Cluster, request: pytest.FixtureRequest) -> Installation:
    for name, dockerfile in DOCKERFILES.items():
        with needing("container images", request.config):
            arguments = {**bases(), **ARGUMENTS.get(name, {})}
            image = build(Path(dockerfile), f"localhost/tandem-{name}:dev", ROOT, arguments, lambda line: say(request.config, line))
        cluster.load_image(image)
    made = Installation(cluster=cluster, helm=program(HELM, request.config), bucket=cluster.new_bucket())
    made.install()
    return made


@pytest.fixture
def tenant(installation: Installation) -> Generator[Tenant]:
    ours = installation.tenant("team")
    yield ours
    ours.kubectl("delete", "trainingruns", "--all", "--wait=false")


@pytest.fixture(scope="session")
def quickstart() -> dict[str, Any]:
    """The example for clusters, as it is shipped."""
    return yaml.safe_load((ROOT / "manifests/examples/cluster-quickstart.yaml").read_text())


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """A run of two ranks on two nodes that begins soon, steps fast and does not end by itself."""
    model = {"layers": 2, "width": 64, "heads": 2}
    return {
        "apiVersion": "tandem.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "small"},
        "spec": {
            "workers": 2,
            "trainer": {"deepspeed": {"zeroStage": 2, "microBatchSize": 4, "precision": "fp32", "model": model}},
            "phases": [{"name": "all", "steps": 1_000_000, "contextLength": 64, "batchSize": 8}],
            "checkpoint": {"everySteps": 100},
            "budget": {"usdPerWorkerHour": 0.40},
            "restart": {"backoff": {"first": "1s"}},
            "pod": {"memory": "2Gi"},
        },
    }
