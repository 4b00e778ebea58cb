"""The operator with exactly the rights that the chart gives it, in each of its modes: it needs no more, and asks for nothing else."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.charts.chart import Chart, Document, of_kind
from tests.cluster.cluster import Cluster
from tests.cluster.control.credentials import write_kubeconfig
from tests.cluster.fault_proxy import FaultProxy, fault_proxy
from tests.operator.cluster.api import PODS, RUNS, Api, RefusedError
from tests.operator.cluster.kubelets import Kubelets, silent
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually
from tests.operator.cluster.test_drains import asked_after, refused
from tests.operator.cluster.test_refusals import BUDGETS
from tests.parts.fixtures import program
from tests.parts.kubernetes_tools import HELM

RELEASE = "rights"
HELD = "tandem.test/held"
MODES = {
    "everywhere": (),
    "one namespace": ("watchNamespace={namespace}",),
    "no nodes": ("rbac.readNodes=false", "watchNamespace={namespace}"),
}


@pytest.fixture
def chart(request: pytest.FixtureRequest) -> Chart:
    return Chart(helm=program(HELM, request.config))


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def home(api: Api, api_cluster: Cluster) -> Iterator[str]:
    """The namespace that the chart is installed in."""
    name = api_cluster.new_namespace("home")
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def given(chart: Chart, mode: str, home: str, namespace: str, api_cluster: Cluster) -> Iterator[None]:
    """The accounts, roles and bindings of the chart, and nothing else of it."""
    settings = [each.format(namespace=namespace) for each in MODES[mode]]
    made = of_kind(chart.template(*settings, release=RELEASE, namespace=home), *_KINDS)
    documents = yaml.safe_dump_all([_placed(each, home) for each in made])
    api_cluster.kubectl("apply", "-f", "-", stdin=documents)
    yield
    api_cluster.kubectl("delete", "--wait=false", "-f", "-", stdin=documents)


_KINDS = ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def _placed(document: Document, home: str) -> Document:
    if document["kind"].startswith("Cluster"):
        return document
    return {**document, "metadata": {"namespace": home, **document["metadata"]}}


@pytest.fixture
def through(mode: str, api_cluster: Cluster, home: str, namespace: str, given: None, tmp_path: Path) -> Iterator[FaultProxy]:  # noqa: ARG001, PLR0917
    """The way to the API server of whoever has a token of the operator's account."""
    there = api_cluster.get(f"/api/v1/namespaces/{home}/serviceaccounts")["items"]
    (account,) = [each for each in there if "operator" in each["metadata"]["name"]]
    token = api_cluster.kubectl("create", "token", account["metadata"]["name"], "-n", home).strip()
    theirs, folder = tmp_path / "operator.conf", tmp_path / "rights"
    write_kubeconfig(theirs, api_cluster.site.server, token, api_cluster.site.pki / "ca.crt")
    folder.mkdir()
    for path in _read(mode, namespace):
        eventually(f"the right to read {path} to be known", lambda path=path: _may_read(Api(theirs), path))
    with fault_proxy(theirs, folder) as proxy:
        yield proxy


def _read(mode: str, namespace: str) -> list[str]:
    """By each of the roles, something that it lets the operator read: the API server decides by roles that it has heard of."""
    runs = RUNS.format(namespace) if MODES[mode] else RUNS.replace("/namespaces/{}", "")
    return [runs, _lease(mode, namespace), *(["/api/v1/nodes"] if mode != "no nodes" else [])]


def _lease(mode: str, namespace: str) -> str:
    space, name = ("default", "tandem-operator-of-all-namespaces") if mode == "everywhere" else (namespace, "tandem-operator")
    return f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases/{name}"


def _may_read(api: Api, path: str) -> bool:
    """Whether the API server says what is there, or that nothing is."""
    try:
        api.exists(path)
    except RefusedError:
        return False
    return True


@pytest.fixture
def operator(mode: str, through: FaultProxy, operators: Callable[..., Operator], namespace: str) -> Operator:
    """The operator, told what the chart would tell it."""
    settings = {
        "namespace": "" if mode == "everywhere" else namespace,
        "read_nodes": str(mode != "no nodes").lower(),
    }
    return operators(through.kubeconfig, **settings).start()


def test_a_life_with_exactly_these_rights(run: Run, operator: Operator, kubelets: Kubelets, through: FaultProxy, mode: str) -> None:
    """Started, failed, held, interrupted, suspended, resumed, done and removed: no request is refused for want of a right."""
    run.create(workers=2, ttlSecondsAfterFinished=1)
    run.until(phase="Running")
    kubelets.end(run.namespace, "r-1-1", 1)
    run.until(phase="Running", attempt=2, failures=1)
    kubelets.disrupt(run.namespace, "r-2-0")
    run.until(phase="Running", attempt=3, preemptions=1)
    run.edit(suspend=True)
    run.until(phase="Suspended")
    run.edit(suspend=False)
    run.until(phase="Running", attempt=4)
    eventually("it to be told", lambda: "Running" in [reason for reason, _ in run.events()])
    for rank in (0, 1):
        kubelets.end(run.namespace, f"r-4-{rank}", 0)
    eventually("the run to be removed", lambda: not run.api.exists(run.path))
    operator.stop()
    elsewhere = re.compile(rf"/namespaces/(?!{run.namespace}/)")  # other tests' namespaces, which end: they refuse what is new
    assert [f"{each.verb} {each.path}" for each in through.answered(403) if not elsewhere.search(each.path)] == []
    assert run.api.get(_lease(mode, run.namespace))["spec"]["holderIdentity"] == ""


@pytest.mark.usefixtures("kubelets")
def test_a_cordon_with_exactly_these_rights(run: Run, operator: Operator, mode: str, api_cluster: Cluster) -> None:
    """The workers are held until they were asked to save; where machines may not be looked at nobody is held up at all."""
    assert operator.runs
    run.create()
    run.until(phase="Running")
    if mode == "no nodes":
        run.edit(budget={"usd": 5})
        run.until(observedGeneration=2)  # by then a look at a run that runs is over, and what it wrote is there
        assert run.api.items(BUDGETS.format(run.namespace)) == []
        return
    eventually("evictions to be refused", lambda: refused(run.api, run.namespace))
    node = run.pods()["r-1-0"]["spec"]["nodeName"]
    try:
        api_cluster.kubectl("cordon", node)
        eventually("a checkpoint to be asked for", lambda: asked_after(run) == "0")
    finally:
        api_cluster.kubectl("uncordon", node)


@pytest.mark.parametrize("mode", ["everywhere", "one namespace"], indirect=True)
def test_a_lost_machine_with_exactly_these_rights(run: Run, operator: Operator, kubelets: Kubelets, through: FaultProxy) -> None:
    """A worker that somebody holds by a finalizer, as queues do, is told to have ended, so that whoever it is lets go of it."""
    assert operator.runs
    run.create()
    run.until(phase="Running")
    worker, machine = f"{PODS.format(run.namespace)}/r-1-0", run.pods()["r-1-0"]["spec"]["nodeName"]
    run.api.patch(worker, {"metadata": {"finalizers": [HELD]}})
    kubelets.deaf.add((run.namespace, "r-1-0"))
    try:
        with silent(run.api, machine):
            eventually("the worker to be told to have ended", lambda: run.api.get(worker)["status"]["phase"] == "Failed")
            assert run.api.get(worker)["status"]["reason"] == "NodeLost"
    finally:
        run.api.patch(worker, {"metadata": {"finalizers": None}})
    run.until(phase="Running", attempt=2, preemptions=1)
    assert [each.path for each in through.answered(403) if f"/{run.namespace}/" in each.path] == []
