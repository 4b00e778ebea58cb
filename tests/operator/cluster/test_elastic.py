"""Runs that go on with fewer workers while there is no room for all, on machines that come and go."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.conftest import NODES
from tests.operator.cluster.kubelets import PLACEMENT, Kubelets
from tests.operator.cluster.runs import Run, eventually

pytestmark = pytest.mark.usefixtures("operator")
_THREE_A_NODE = {"cpu": "20", "memory": "1Gi"}
_ELASTIC: dict[str, Any] = {  # of one, two or four workers
    "trainer": {"deepspeed": {}},
    "phases": [{"name": "all", "steps": 100, "batchSize": 16}],
    "workers": 4,
    "minWorkers": 1,
    "pod": _THREE_A_NODE,
    "placement": {**PLACEMENT, "shrinkAfter": "1s"},
}


@pytest.fixture
def second_node(api: Api, kubelets: Kubelets) -> Iterator[str]:
    """The path of a machine that takes no pods, until it is told to."""
    assert kubelets
    path = f"/api/v1/nodes/{NODES[1]}"
    api.patch(path, {"spec": {"unschedulable": True}})
    yield path
    api.patch(path, {"spec": {"unschedulable": None}})


def test_the_place_of_a_spare_that_has_ended_and_is_gone_is_free_again(run: Run, kubelets: Kubelets, second_node: str) -> None:
    """Else the run would never find out that there is room for more."""
    run.create(**_ELASTIC)
    attempt = run.until(phase="Running", workers=2)["attempt"]
    spare = _the_spare_that_runs(run)
    name, uid = spare["name"], spare["uid"]
    kubelets.end(run.namespace, name, 143)
    run.api.delete(f"{PODS.format(run.namespace)}/{name}", gracePeriodSeconds=0)
    eventually("another in its place", lambda: name in (found := run.pods()) and found[name]["metadata"]["uid"] != uid, run.pods)
    run.api.patch(second_node, {"spec": {"unschedulable": None}})
    run.until(phase="Running", attempt=attempt + 1, workers=4, preemptions=0, failures=0)


@pytest.mark.usefixtures("second_node")
def test_a_drain_gets_its_checkpoint_though_no_spare_can_be_made(run: Run, proxy: FaultProxy) -> None:
    """A webhook that is down keeps the run from growing, and nobody from mending the machine that it is on."""
    run.create(**_ELASTIC)
    attempt = run.until(phase="Running", workers=2)["attempt"]
    spare = _the_spare_that_runs(run)["name"]
    proxy.inject(Fault(kind=Kind.BROKEN), verbs={"create"}, path=f"{run.namespace}/pods$")
    run.api.delete(f"{PODS.format(run.namespace)}/{spare}", gracePeriodSeconds=0)
    eventually("tries to make another", lambda: proxy.met(Kind.BROKEN))
    machine = f"/api/v1/nodes/{NODES[0]}"
    run.api.patch(machine, {"spec": {"unschedulable": True}})
    try:
        eventually("a checkpoint to be asked for", lambda: _asked(run.pods()[f"r-{attempt}-0"]), lambda: run.status)
    finally:
        run.api.patch(machine, {"spec": {"unschedulable": None}})


def _asked(pod: dict[str, Any]) -> bool:
    return "tandem.dev/save-after-step" in pod["metadata"].get("annotations", {})


def _the_spare_that_runs(run: Run) -> dict[str, Any]:
    """Who it is: of two for one place, the scheduler may take either."""
    (pod,) = eventually("a spare to come up", lambda: [pod for pod in run.pods().values() if _runs_as_spare(pod)], run.pods)
    return pod["metadata"]


def _runs_as_spare(pod: dict[str, Any]) -> bool:
    return "tandem.dev/spare" in pod["metadata"]["labels"] and pod["status"].get("phase") == "Running"
