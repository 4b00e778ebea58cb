"""Why is a worker not up yet? What the scheduler, the queue and the kubelet say of its pod, as one of the planner's tiers.

The tiers are Kueue's idea (KEP-10852): a job that waits says for what, from what only a person can mend to what passes by itself.
"""

from collections.abc import Mapping
from typing import Final

from tandem_operator.cluster.kube.document import Json, part, parts, text
from tandem_operator.plan.values import Tier, Waiting
from tandem_operator.render.worker_pod import queue

_HOPELESS: Final = (
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
_NOWHERE: Final = ("not found", "unbound immediate PersistentVolumeClaims")
_WILL_COME: Final = "nominatedNodeName"


def waiting(pod: Json, conditions: Mapping[str, Json], container: str) -> Waiting | None:
    """What a pod that has not ended waits for; None once its `container` runs."""
    node = text(pod, "spec", "nodeName")
    if not node:
        return _unplaced(pod, conditions.get("PodScheduled", {}))
    containers = {each["name"]: each for each in parts(pod, "status", "containerStatuses")}
    state = part(containers, container, "state")
    if "running" in state or "terminated" in state:
        return None
    reason = text(state, "waiting", "reason")
    if reason in _HOPELESS:
        return Waiting(tier=Tier.MISCONFIGURED, message=f"{reason}: {text(state, 'waiting', 'message')}".rstrip(": "), placed=True)
    if text(conditions.get("PodReadyToStartContainers", {}), "status") == "True":
        return Waiting(tier=Tier.IMAGE, message=f"the image is being pulled on {node}", placed=True)
    return Waiting(tier=Tier.START, message=f"being started on {node}", placed=True)


def refused(status: int, message: str) -> Waiting:
    """Why the API server would not have a pod: a quota passes by itself, anything else needs a person."""
    quota = status == 403 and "exceeded quota" in message  # noqa: PLR2004 - HTTP
    return Waiting(tier=Tier.QUOTA if quota else Tier.MISCONFIGURED, message=message)


def _unplaced(pod: Json, placed: Json) -> Waiting:
    reason, message = text(placed, "reason"), text(placed, "message")
    if reason == "SchedulingGated":
        return Waiting(tier=Tier.QUOTA, message=_held_back(pod) or message)
    if coming := text(pod, "status", _WILL_COME):
        return Waiting(tier=Tier.NODE, message=f"node {coming} is being made ready for it")
    if reason != "Unschedulable":
        return Waiting(tier=Tier.START, message=message or "the scheduler has not looked at it yet")
    return Waiting(tier=Tier.MISCONFIGURED if _nowhere(message) else Tier.NO_CAPACITY, message=message)


def _held_back(pod: Json) -> str:
    """By whom. Kueue says nothing of its reasons at the pod; they stand in the Workload that it has made for the group."""
    gates = [gate["name"] for gate in parts(pod, "spec", "schedulingGates")]
    line, group = (text(pod, "metadata", "labels", name) for name in (queue.QUEUE, queue.GROUP))
    if queue.GATE in gates and group:
        why = f"`kubectl describe workload {group} -n {text(pod, 'metadata', 'namespace')}`"
        return f"queue {line} has not admitted group {group} yet; {why} says why"
    return f"held back by {', '.join(gates)}" if gates else ""


def _nowhere(message: str) -> bool:
    """Whether no machine that may ever come could take it, because something that it names does not exist.

    That no node has the right labels is no such case: with an autoscaler there is none of them until one is asked for.
    """
    counted = message.partition(": ")[2].partition(". ")[0] or message
    return any(sign in counted for sign in _NOWHERE) and "Insufficient" not in counted
