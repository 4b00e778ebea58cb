"""The node pools for EKS and the pods that Tandem makes fit together: taints, prices, machines, and notices that are heard."""

from decimal import Decimal
from typing import Any

import pytest
import yaml
from tandem_operator.api.placement import Spot
from tandem_operator.api.reading.run_file import read
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.seen.nodes import node_state
from tandem_operator.plan.values import Worker
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.pod import pod

from tests.charts.chart import ROOT

TEXT = (ROOT / "manifests/eks/nodepool-spot-a100.yaml").read_text()
POOLS = {each["metadata"]["name"]: each["spec"] for each in yaml.safe_load_all(TEXT) if each["kind"] == "NodePool"}
LARGE = read((ROOT / "manifests/examples/spot-7b.yaml").read_bytes())


@pytest.fixture
def spec() -> dict[str, Any]:
    """The pod spec of the large example."""
    told = {"TANDEM_JOB": '{"checkpoint":{}}'}
    worker = Worker(run="spot-7b", attempt=1, rank=0, environment=told, spot=Spot.PREFER)
    assert isinstance(LARGE, TrainingRun)
    return pod(worker, LARGE, PodSite(trainer_image="x", grace_seconds=100, unreachable_seconds=15))["spec"]


@pytest.mark.parametrize("pool", POOLS)
def test_workers_tolerate_the_pools_taints(spec: dict[str, Any], pool: str) -> None:
    """A run that asks for cards needs to say nothing of taints."""
    tolerated = {each["key"] for each in spec["tolerations"] if each["operator"] == "Exists" and each.get("effect") != "NoExecute"}
    assert {taint["key"] for taint in POOLS[pool]["template"]["spec"]["taints"]} <= tolerated


@pytest.mark.parametrize("pool", POOLS)
def test_machines_are_of_a_kind_that_the_large_example_asks_for(spec: dict[str, Any], pool: str) -> None:
    """Its node selector is met by some machine of each pool."""
    offered = {each["key"]: each["values"] for each in POOLS[pool]["template"]["spec"]["requirements"]}
    assert all(value in offered[key] for key, value in spec["nodeSelector"].items())


@pytest.mark.parametrize("pool", POOLS)
def test_machines_say_their_price(pool: str) -> None:
    """In the label that the operator reads; spot is the cheaper one."""
    prices = {name: _price(each["template"]["metadata"]["labels"]) for name, each in POOLS.items()}
    assert prices[pool] > 0
    assert prices["tandem-spot-a100"] < prices["tandem-on-demand-a100"]


@pytest.mark.parametrize("pool", POOLS)
def test_live_training_is_moved_by_nobody_but_the_cloud(pool: str) -> None:
    """Only empty machines are given back; none for its age or its image; and a drain ends."""
    disruption, machine = POOLS[pool]["disruption"], POOLS[pool]["template"]["spec"]
    assert disruption["consolidationPolicy"] == "WhenEmpty"
    assert {reason: each["nodes"] for each in disruption["budgets"] for reason in each["reasons"]} == {
        "Empty": "100%",
        "Drifted": "0",
        "Underutilized": "0",
    }
    assert (machine["expireAfter"], machine["terminationGracePeriod"]) == ("Never", "10m")


def test_spot_comes_first_and_notices_reach_the_pods() -> None:
    """The fallback has the smaller weight, and nothing carries the mark that Karpenter does not drain."""
    weights = {name: (each["weight"], each["template"]["spec"]["requirements"][0]["values"]) for name, each in POOLS.items()}
    assert weights == {"tandem-spot-a100": (50, ["spot"]), "tandem-on-demand-a100": (10, ["on-demand"])}
    assert "do-not-disrupt" not in str(list(yaml.safe_load_all(TEXT)))


def _price(labels: dict[str, str]) -> Decimal:
    state = node_state({"metadata": {"name": "n", "labels": labels}, "spec": {}})
    assert state.node.usd_per_hour is not None
    return state.node.usd_per_hour
