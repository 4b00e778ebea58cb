"""A cluster with Tandem in it, for all tests of this folder."""

from collections.abc import Generator
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.cluster.foreign import ForeignCluster, lacks
from tests.e2e.cluster.installation import ROOT, SMALL, Installation, Tenant, load_images
from tests.operator.cluster.api import Api
from tests.operator.cluster.chronicle import Chronicle
from tests.parts.fixtures import needing, program, say
from tests.parts.kubernetes_tools import HELM

FAILED = pytest.StashKey[dict[str, str]]()
"""The names of the first tests that have failed, by their ids; without those that have passed when they were tried once more."""
_HOPELESS = 2


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember who failed first."""
    failed = item.session.stash.setdefault(FAILED, {})
    if call.excinfo is None:
        if call.when == "call":
            failed.pop(item.nodeid, None)
    elif not call.excinfo.errisinstance(pytest.skip.Exception) and len(failed) < _HOPELESS:
        failed[item.nodeid] = item.name


@pytest.fixture(autouse=True)
def in_order(request: pytest.FixtureRequest) -> None:
    """Where some have failed already the cluster itself is ill, and the others would each wait for minutes to find that out."""
    others = [name for test, name in request.session.stash.get(FAILED, {}).items() if test != request.node.nodeid]
    if len(others) >= _HOPELESS:
        pytest.fail(f"not tried, for what was tried before in this cluster has failed: {', '.join(others)}", pytrace=False)


@pytest.fixture(scope="session")
def installation(cluster: Cluster, request: pytest.FixtureRequest) -> Generator[Installation]:
    foreign = isinstance(cluster, ForeignCluster)
    if not foreign:
        with needing("container images", request.config):
            load_images(cluster, lambda line: say(request.config, line))
    made = Installation(cluster=cluster, helm=program(HELM, request.config), bucket=cluster.new_bucket())
    made.install()
    yield made
    if foreign:  # ours is taken down as a whole
        made.remove()


@pytest.fixture(scope="session")
def earlier() -> list[Tenant]:
    """Those of the tests that are over, whose pods may be about to leave."""
    return []


@pytest.fixture
def tenant(installation: Installation, earlier: list[Tenant]) -> Generator[Tenant]:
    ours = installation.tenant("team")
    yield ours
    ours.kubectl("delete", "trainingruns,dualruns", "--all", "--wait=false")
    earlier.append(ours)
    if isinstance(ours.installation.cluster, ForeignCluster):
        ours.installation.cluster.kubectl("delete", "namespace", ours.namespace, "--wait=false")


@pytest.fixture
def evenly(earlier: list[Tenant]) -> None:
    """Nothing is left of earlier tests: what is still on one machine would have the scheduler put all of a run on the other."""
    for each in earlier:
        each.installation.cluster.wait_until(f"the pods of {each.namespace} to be gone", lambda each=each: not each.pods)
    earlier.clear()


@pytest.fixture
def chronicle(tenant: Tenant, cluster: Cluster) -> Generator[Chronicle]:
    """All that happens to the runs and pods of the tenant."""
    if isinstance(cluster, ForeignCluster):
        lacks("perhaps no token in its kubeconfig: only that of a cluster of this machine (tests/cluster) is sure to have one")
    with Chronicle.of(Api(cluster.kubeconfig), tenant.namespace) as chronicle:
        yield chronicle


@pytest.fixture(scope="session")
def quickstart() -> dict[str, Any]:
    """The example for clusters, as it is shipped."""
    return yaml.safe_load((ROOT / "manifests/examples/cluster-quickstart.yaml").read_text())


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """A run of two ranks that begins soon, steps fast and does not end by itself."""
    return dict(SMALL)
