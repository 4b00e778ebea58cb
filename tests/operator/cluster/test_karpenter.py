"""The machines of `manifests/eks`, bought by a real Karpenter for the large example: spot ones, until they are taken away, or others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from tandem_operator.api.reading import yaml_text

from tests.cluster.cluster import Cluster
from tests.cluster.control.karpenter import start_karpenter, stop_karpenter
from tests.cluster.programs import obtained
from tests.operator.cluster.api import Api, Object
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually, is_served
from tests.parts.fixtures import needing, say

_MANIFESTS = Path(__file__).parents[3] / "manifests"
_POOLS = [each for each in yaml.safe_load_all((_MANIFESTS / "eks/nodepool-spot-a100.yaml").read_text()) if each["kind"] == "NodePool"]
_SPEC: Object = cast("Object", yaml_text.read((_MANIFESTS / "examples/spot-7b.yaml").read_text()).value)["spec"]
_API, _CLASSES = "/apis/karpenter.sh/v1", "/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses"
_POOL, _CLAIMS, _NODES = f"{_API}/nodepools", f"{_API}/nodeclaims", "/api/v1/nodes"
_CAPACITY = "karpenter.sh/capacity-type"


def test_a_spot_machine_that_is_taken_away_is_replaced(run: Run, operator: Operator, karpenter: Api) -> None:
    """Karpenter buys what the run asks for; when it takes that back, the next attempt has a machine of its own, and nothing has failed."""
    assert operator.runs
    budget = {name: value for name, value in _SPEC["budget"].items() if name != "usdPerWorkerHour"}
    run.create(**_SPEC | {"budget": budget})
    run.until(phase="Running")
    coming = "r-1-0: karpenter: Pod should schedule on: nodeclaim/"
    eventually("the machine that was on its way to be told", lambda: coming in dict(run.events()).get("WaitingForNode", ""), run.events)
    first = _machine(run)
    assert first["metadata"]["labels"].items() >= {_CAPACITY: "spot", **_SPEC["placement"]["nodeSelector"]}.items()
    (claim,) = (each["metadata"]["name"] for each in karpenter.items(_CLAIMS) if each["status"].get("nodeName") == _name(first))
    karpenter.delete(f"{_CLAIMS}/{claim}")
    status = run.until(phase="Running", attempt=2)
    assert (status["preemptions"], status.get("failures", 0)) == (1, 0)
    assert _name(_machine(run)) != _name(first)
    eventually("the machine to be given back", lambda: not karpenter.exists(f"{_NODES}/{_name(first)}"))
    eventually("the price that the machines say to be charged", lambda: float(run.status["spentUsd"]) > 0)


def test_a_machine_on_demand_is_bought_where_no_spot_one_comes(run: Run, operator: Operator, karpenter: Api) -> None:
    """The run says what it waits for in the scheduler's words, and takes any machine once it has waited as long as it was told to."""
    assert operator.runs
    karpenter.patch(f"{_POOL}/tandem-spot-a100", {"spec": {"limits": {"nvidia.com/gpu": "0"}}})
    run.create(**_SPEC | {"placement": {**_SPEC["placement"], "onDemandAfter": "10s"}})
    waits = run.until_condition("Scheduled", status="False", reason="NoCapacity")
    assert "available" in waits["message"], "0/2 nodes are available, or no nodes available, as the scheduler has it"
    assert run.until(phase="Running")["attempt"] == 2
    assert _machine(run)["metadata"]["labels"][_CAPACITY] == "on-demand"
    run.until_condition("Scheduled", status="True")
    eventually("that to be told", lambda: "FellBack" in {reason for reason, _ in run.events()}, run.events)


@pytest.fixture(scope="module")
def _karpenter_serves(request: pytest.FixtureRequest, api_cluster: Cluster, api: Api) -> Iterator[Api]:
    """Karpenter, as long as the tests of this file last."""
    with needing("karpenter", request.config):
        programs = obtained(lambda line: say(request.config, line), karpenter=True)
    api_cluster.add_fake_nodes(0)
    try:
        start_karpenter(api_cluster.site, programs)
        eventually("the classes of its machines to be served", lambda: is_served(api, _CLASSES))
        api.create(_CLASSES, {"apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass", "metadata": {"name": "tandem-a100"}})
        yield api
    finally:
        stop_karpenter(api_cluster.site)


@pytest.fixture
def karpenter(_karpenter_serves: Api) -> Iterator[Api]:
    """It buys what our pools say, within it; of another cloud's class, as that is the one cloud that it has here."""
    api = _karpenter_serves
    for pool in _POOLS:
        api.create(_POOL, _elsewhere(pool))
    yield api
    for pool in _POOLS:
        api.delete(f"{_POOL}/{pool['metadata']['name']}")
    eventually("all machines to be given back", lambda: not api.items(_CLAIMS))


def _elsewhere(pool: Object) -> Object:
    spec: dict[str, Any] = pool["spec"]["template"]["spec"]
    spec = {**spec, "nodeClassRef": {**spec["nodeClassRef"], "group": "karpenter.kwok.sh", "kind": "KWOKNodeClass"}}
    return {**pool, "spec": {**pool["spec"], "template": {**pool["spec"]["template"], "spec": spec}}}


def _machine(run: Run) -> Object:
    """The machine that the only worker of the newest attempt is on."""
    newest = max(run.pods().values(), key=lambda pod: int(pod["metadata"]["labels"]["tandem.dev/attempt"]))
    return run.api.get(f"{_NODES}/{newest['spec']['nodeName']}")


def _name(found: Object) -> str:
    return found["metadata"]["name"]
