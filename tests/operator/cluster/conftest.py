"""What the tests of the cluster shell share: an API server that knows TrainingRuns, machines played by hand, and operators."""

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.fault_proxy import FaultProxy, fault_proxy
from tests.operator.cluster.api import Api
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Forge, Operator
from tests.operator.cluster.runs import Run, eventually, is_served

_CRDS = Path(__file__).parents[3] / "charts/tandem/crds"
_DISKS = "/api/v1/persistentvolumes"
_OURS = "/apis/tandem.dev/v1alpha1"
NODES = ("hand-1", "hand-2")


@pytest.fixture(scope="session")
def api(api_cluster: Cluster) -> Api:
    """The administrator's client of a cluster with our definitions."""
    api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", _CRDS)
    api_cluster.kubectl("wait", "--for=condition=Established", "-f", _CRDS)
    api = Api(api_cluster.kubeconfig)
    eventually("our resources to be served", lambda: all(is_served(api, f"{_OURS}/{plural}") for plural in ("trainingruns", "dualruns")))
    return api


@pytest.fixture(scope="module")
def kubelets(api: Api) -> Iterator[Kubelets]:
    """Two machines, played by hand."""
    with Kubelets(api, NODES).at_work() as ours:
        yield ours


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    with Forge.lit() as forge:
        yield forge


@pytest.fixture
def proxy(api_cluster: Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    """What stands before the API server; it counts, and makes no trouble by itself."""
    with fault_proxy(api_cluster.kubeconfig, tmp_path, seed=7) as proxy:
        yield proxy


@pytest.fixture
def namespace(api_cluster: Cluster, api: Api) -> Iterator[str]:
    """A namespace of the test's own."""
    name = api_cluster.new_namespace("shell")
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def disk(api: Api) -> Iterator[str]:
    """A class of disks, of which there is one."""
    name = f"by-hand-{secrets.token_hex(4)}"
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": name, "hostPath": {"path": "/nowhere"}}
    api.create(_DISKS, {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
    yield name
    api.delete(f"{_DISKS}/{name}")


@pytest.fixture
def run(api: Api, namespace: str) -> Run:
    """A run of the test's namespace, not created yet."""
    return Run(api, namespace, "r")


@pytest.fixture
def operators(forge: Forge, proxy: FaultProxy, namespace: str, tmp_path: Path) -> Generator[Callable[..., Operator]]:
    """Makes operators that care for the test's namespace, through the proxy; none outlives the test."""
    with ExitStack() as stack:

        def make(kubeconfig: Path = proxy.kubeconfig, **settings: str) -> Operator:
            log = tmp_path / f"operator-{settings.get('identity', 'one')}.log"
            made = Operator(forge, kubeconfig, namespace, log, settings)
            stack.callback(lambda: made.runs and made.kill())
            return made

        yield make


@pytest.fixture
def operator(operators: Callable[..., Operator]) -> Operator:
    """One that runs."""
    return operators().start()
