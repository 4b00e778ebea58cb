"""A machine as the planner sees it: its price, its notice, whether it takes pods, and whether it is heard of at all.

Who announces an end, and how (all are taints): Karpenter (disruption), aws-node-termination-handler (spot interruption, rebalance,
scheduled maintenance), the cluster autoscaler (scale-down), Google's node termination handler, Azure's node auto-drain, and
the cloud's node controller (shutdown).
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from tandem_operator.cluster.kube.document import Json, part, parts, text
from tandem_operator.plan.policies.budget import NODE_PRICE
from tandem_operator.plan.values import SeenNode

_NOTICES: Final = {
    "karpenter.sh/disrupted": "Karpenter is taking it away",
    "karpenter.sh/disruption": "Karpenter is taking it away",
    "aws-node-termination-handler/spot-itn": "spot interruption",
    "aws-node-termination-handler/scheduled-maintenance": "scheduled maintenance",
    "aws-node-termination-handler/asg-lifecycle-termination": "its auto scaling group ends it",
    "aws-node-termination-handler/rebalance-recommendation": "a spot interruption is likely",
    "ToBeDeletedByClusterAutoscaler": "the cluster autoscaler is taking it away",
    "cloud.google.com/impending-node-termination": "Google is about to end it",
    "node.cloudprovider.kubernetes.io/shutdown": "it is shut down",
    "remediator.kubernetes.azure.com/unschedulable": "Azure drains it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """A node, and whether it is heard of: a kubelet that is silent for the node monitor's grace period is Unknown."""

    node: SeenNode
    silent: bool


def node_state(found: Json) -> NodeState:
    """A node as the API has it."""
    conditions = {each["type"]: each["status"] for each in parts(found, "status", "conditions")}
    written = {**part(found, "metadata", "labels"), **part(found, "metadata", "annotations")}
    node = SeenNode(
        name=text(found, "metadata", "name"),
        usd_per_hour=_price(written.get(NODE_PRICE)),
        notice=_notice(found),
        cordoned=bool(part(found, "spec").get("unschedulable")),
    )
    return NodeState(node=node, silent=conditions.get("Ready") == "Unknown")


def _notice(found: Json) -> str | None:
    taints = {taint["key"] for taint in parts(found, "spec", "taints")}
    said = next((words for key, words in _NOTICES.items() if key in taints), None)
    if said is None and text(found, "metadata", "deletionTimestamp"):
        return "it is being deleted"
    return said


def _price(text: str | None) -> Decimal | None:
    """What somebody wrote on the node; what is no price is none."""
    try:
        price = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return price if price is not None and price.is_finite() and price >= 0 else None
