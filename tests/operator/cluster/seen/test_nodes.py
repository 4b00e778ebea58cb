"""Real nodes as the planner sees them: heard of or not, about to go, and what they cost."""

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.cluster.seen.nodes import NodeState, node_state
from tandem_operator.plan.policies.budget import NODE_PRICE

from tests.cluster.control.taints import EFFECT, NOTICES

SAMPLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("samples.yaml").read_text())
CONDITIONS = ("MemoryPressure", "DiskPressure", "PIDPressure")


def node(sample: str = "node", *, taint: str = "", ready: str = "", **metadata: Any) -> NodeState:
    """A real node, with a taint or another readiness."""
    found = copy.deepcopy(SAMPLES[sample])
    found["metadata"] |= metadata
    if taint:
        key, _, value = taint.partition("=")
        found["spec"].setdefault("taints", []).append({"key": key, "value": value, "effect": EFFECT})
    for condition in found["status"]["conditions"]:
        if ready and condition["type"] == "Ready":
            condition["status"] = ready
    return node_state(found)


def test_a_calm_node() -> None:
    """Nothing is said of a node that is well."""
    seen = node()
    assert not seen.silent
    assert (seen.node.name, seen.node.notice, seen.node.cordoned, seen.node.usd_per_hour, seen.node.shaky) == (
        "node1",
        None,
        False,
        None,
        False,
    )


def test_a_silent_node() -> None:
    """A kubelet that was not heard of for long is silent, by the word of the node controller; its taints are no notice."""
    seen = node("node-silent")
    assert seen.silent
    assert seen.node.notice is None


@pytest.mark.parametrize(("ready", "silent"), [("True", False), ("False", False), ("Unknown", True)])
def test_readiness(ready: str, *, silent: bool) -> None:
    """A kubelet that says that it is not ready is heard of: its pods are known, and may be asked to leave."""
    assert node(ready=ready).silent is silent


@pytest.mark.parametrize("taint", NOTICES.values(), ids=NOTICES)
def test_notices(taint: str) -> None:
    """Whoever says that a node is about to go is heard."""
    assert node(taint=taint).node.notice
    assert node(taint=taint).node.shaky


@pytest.mark.parametrize(
    "taint",
    [
        "karpenter.sh/disrupted",
        "karpenter.sh/disruption=disrupting",
        "aws-node-termination-handler/spot-itn=e-1",
        "aws-node-termination-handler/scheduled-maintenance=e-1",
        "aws-node-termination-handler/asg-lifecycle-termination=e-1",
        "aws-node-termination-handler/rebalance-recommendation=e-1",
        "ToBeDeletedByClusterAutoscaler=1700000000",
        "cloud.google.com/impending-node-termination",
        "node.cloudprovider.kubernetes.io/shutdown",
        "remediator.kubernetes.azure.com/unschedulable",
    ],
)
def test_words_of_notices(taint: str) -> None:
    """Each has a sentence of its own kind, whatever its value and effect."""
    assert node(taint=taint).node.notice not in {None, ""}


@pytest.mark.parametrize(
    "taint",
    [
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/memory-pressure",
        "nvidia.com/gpu=present",
        "DeletionCandidateOfClusterAutoscaler=1700000000",
        "karpenter.sh/unregistered",
    ],
)
def test_taints_that_announce_no_end(taint: str) -> None:
    """Others keep pods away for other reasons."""
    assert node(taint=taint).node.notice is None


def test_a_node_that_is_deleted() -> None:
    """Whoever deletes a node means it, also when a finalizer holds it for a while."""
    assert node(deletionTimestamp="2026-11-26T02:00:00Z").node.notice == "it is being deleted"


def test_a_cordoned_node() -> None:
    """It takes no more pods; that is no notice."""
    found = copy.deepcopy(SAMPLES["node"])
    found["spec"]["unschedulable"] = True
    seen = node_state(found)
    assert (seen.node.cordoned, seen.node.notice, seen.node.shaky) == (True, None, True)


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("1.50", Decimal("1.50")),
        ("0", Decimal(0)),
        ("32.7726", Decimal("32.7726")),
        ("-1", None),
        ("much", None),
        ("NaN", None),
        ("Infinity", None),
        ("", None),
    ],
)
def test_the_price(written: str, price: Decimal | None) -> None:
    """What somebody wrote on it, as an annotation or a label, the annotation first; what is no price is none."""
    assert node(annotations={NODE_PRICE: written}).node.usd_per_hour == price
    assert node(labels={NODE_PRICE: written}).node.usd_per_hour == price
    assert node(labels={NODE_PRICE: "9"}, annotations={NODE_PRICE: "2"}).node.usd_per_hour == 2


def test_what_changes_nothing() -> None:
    """Heartbeats and pressure are no news."""
    found = copy.deepcopy(SAMPLES["node"])
    for condition in found["status"]["conditions"]:
        condition["lastHeartbeatTime"] = "2030-01-01T00:00:00Z"
        if condition["type"] in CONDITIONS:
            condition["status"] = "True"
    assert node_state(found) == node()
