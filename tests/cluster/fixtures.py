"""pytest plugin: a cluster for the whole test run, whole again before each test that uses it.

A cluster that a person brought up under the same number is used as it is and left up. KUBECONFIG_TANDEM_E2E names any
other cluster (`foreign.py`); tests that would cut the power of its machines skip.
"""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import life
from tests.cluster.cluster import Cluster
from tests.cluster.foreign import KUBECONFIG, ForeignCluster
from tests.cluster.life import Wanted
from tests.cluster.programs import obtained
from tests.cluster.site import CLUSTERS, Site
from tests.parts.fixtures import needing, say
from tests.parts.part import Missing

_PEOPLE = CLUSTERS // 3  # how many test runs a machine has room for at a time
_PLAYED_GRACE_S = 600  # kubelets that a test plays fall silent when the test does; no machine of theirs is lost for that
LIGHT, SPARE = _PEOPLE, 2 * _PEOPLE  # added to the number: a run's cluster without nodes, and one that a test may do anything to


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Generator[Any]:
    """`Cluster` with node1 and node2, or the `ForeignCluster` that was named."""
    elsewhere = os.environ.get(KUBECONFIG)
    if elsewhere:
        kubectl = shutil.which("kubectl")
        with needing("kubectl", request.config):
            if not kubectl:
                msg = "kubectl is not on PATH: install it (https://kubernetes.io/docs/tasks/tools)"
                raise Missing(msg)
        yield ForeignCluster(kubeconfig=Path(elsewhere), kubectl_program=Path(kubectl or ""))
        return
    with _serving(request.config, Site.numbered(_own_number()), Wanted(owner=os.getpid())) as ours:
        yield ours


@pytest.fixture(scope="session")
def api_cluster(request: pytest.FixtureRequest) -> Generator[Cluster]:
    """The API without nodes; `add_fake_nodes` gives it some that run nothing."""
    site = Site.numbered(_own_number() + LIGHT)
    with _serving(request.config, site, Wanted(nodes=0, node_grace_s=_PLAYED_GRACE_S, owner=os.getpid())) as ours:
        yield ours


@pytest.fixture
def spare_site(request: pytest.FixtureRequest) -> Generator[Site]:
    """A place for a cluster of a test's own, empty afterwards."""
    with needing("cluster", request.config):
        obtained(lambda line: say(request.config, line))
    site = Site.numbered(_own_number() + SPARE)
    life.down(site)
    yield site
    life.down(site)


@pytest.fixture(autouse=True)
def _whole_cluster(request: pytest.FixtureRequest) -> None:
    """Undo what the test before did to nodes and API."""
    if "cluster" in request.fixturenames:
        ours = request.getfixturevalue("cluster")
        if isinstance(ours, Cluster):
            ours.heal(["node1", "node2"])


def _own_number() -> int:
    number = life.default_number()
    assert 0 <= number < _PEOPLE, f"TANDEM_CLUSTER is {number}: tests take 0 .. {_PEOPLE - 1}"
    return number


@contextmanager
def _serving(config: pytest.Config, site: Site, wanted: Wanted) -> Generator[Cluster]:
    with needing("cluster", config):
        programs = obtained(lambda line: say(config, line), kwok=not wanted.nodes)
    if life.is_up(site) and not life.is_owned(site):
        yield Cluster.running(site, programs)
        return
    if life.is_up(site):
        pytest.fail(f"another test run uses cluster {site.number}: give this one a number of its own (TANDEM_CLUSTER)", pytrace=False)
    try:
        life.up(site, wanted, programs)
        yield Cluster.running(site, programs)
    finally:
        life.down(site)
