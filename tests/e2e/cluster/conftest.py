"""A cluster with Tandem in it, for all tests of this folder."""

from collections.abc import Generator
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import ROOT, SMALL, Installation, Tenant, load_images
from tests.parts.fixtures import needing, program, say
from tests.parts.kubernetes_tools import HELM


@pytest.fixture(scope="session")
def installation(cluster: Cluster, request: pytest.FixtureRequest) -> Installation:
    with needing("container images", request.config):
        load_images(cluster, lambda line: say(request.config, line))
    made = Installation(cluster=cluster, helm=program(HELM, request.config), bucket=cluster.new_bucket())
    made.install()
    return made


@pytest.fixture
def tenant(installation: Installation) -> Generator[Tenant]:
    ours = installation.tenant("team")
    yield ours
    ours.kubectl("delete", "trainingruns,dualruns", "--all", "--wait=false")


@pytest.fixture(scope="session")
def quickstart() -> dict[str, Any]:
    """The example for clusters, as it is shipped."""
    return yaml.safe_load((ROOT / "manifests/examples/cluster-quickstart.yaml").read_text())


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """A run of two ranks that begins soon, steps fast and does not end by itself."""
    return dict(SMALL)
