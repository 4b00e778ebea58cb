"""How and when a pod came to its machine, and how it ended.

Where each fact stands: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/. That a platform ended a pod is said by its
DisruptionTarget condition (KEP-3329), and for pods that never came to run by the kubelet's own reasons; one that is evicted without that
condition has used up more of the disk than it may itself, which is no interruption. Kueue, which takes a group's
quota back by deleting its pods, says so by a condition of its own: https://kueue.sigs.k8s.io/docs/tasks/run/plain_pods.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tandem_operator.cluster.kube.document import Json, part, parts, text

_KILLED: Final = 137
_BY_PLATFORM: Final = ("DisruptionTarget", "TerminationTarget")
_LONGEST: Final = 500  # characters of what the platform says of that
_BY_KUBELET: Final = (
    "NodeAffinity",
    "NodeLost",
    "NodeShutdown",
    "Preempting",
    "Shutdown",
    "Terminated",
    "UnexpectedAdmissionError",
)
_OUT_OF: Final = "OutOf"  # OutOfcpu, OutOfnvidia.com/gpu: the machine was given away in between
_OUT_OF_SIGHT: Final = ("ContainerStatusUnknown", "Unknown")  # of a container after its machine went down and up: kubelet's, containerd's
_PLAIN: Final = ("", "Completed", "Error")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a pod ended: the exit code, the last words, when, and whether the platform ended it."""

    code: int
    message: str
    at: datetime | None
    disrupted: bool


def conditions_of(pod: Json) -> Mapping[str, Json]:
    """The conditions of a pod by their types."""
    return {each["type"]: each for each in parts(pod, "status", "conditions")}


def end(pod: Json, container: str) -> End | None:
    """How the pod whose work is done by `container` ended; None while it has not."""
    if text(pod, "status", "phase") not in {"Succeeded", "Failed"}:
        return None
    reason = text(pod, "status", "reason")
    disrupted = reason in _BY_KUBELET or reason.startswith(_OUT_OF) or disruption(conditions_of(pod)) is not None
    containers = {each["name"]: each for each in parts(pod, "status", "containerStatuses")}
    ended = part(containers.get(container, {}), "state", "terminated")
    of_pod = f"{reason}: {text(pod, 'status', 'message')}" if reason else ""
    if not ended:
        code = 0 if text(pod, "status", "phase") == "Succeeded" else _KILLED
        return End(code=code, message=of_pod or "ended before its container did", at=None, disrupted=disrupted)
    said, why, at = text(ended, "message"), text(ended, "reason"), text(ended, "finishedAt")
    if why not in _PLAIN:
        said = f"{why}: {said}" if said else why
    said, disrupted = said or of_pod, disrupted or why in _OUT_OF_SIGHT
    return End(code=int(ended["exitCode"]) & 255, message=said, at=time(at) if at else None, disrupted=disrupted)


def disruption(conditions: Mapping[str, Json]) -> str | None:
    """What the platform says of ending a pod, which may be nothing; None unless it does end it."""
    said = next((text(conditions[kind], "message") for kind in _BY_PLATFORM if true(conditions, kind)), None)
    return None if said is None else " ".join(said.split())[:_LONGEST]


def since(pod: Json, conditions: Mapping[str, Json]) -> datetime:
    """When the pod got its machine; until then, when it was made."""
    placed = conditions.get("PodScheduled", {})
    at = text(placed, "lastTransitionTime")
    return time(at if at and text(placed, "status") == "True" else text(pod, "metadata", "creationTimestamp"))


def grace_s(pod: Json) -> float | None:
    """How long a pod that was asked to leave has to do so; None unless it was asked."""
    metadata = part(pod, "metadata")
    return float(metadata.get("deletionGracePeriodSeconds") or 0) if text(metadata, "deletionTimestamp") else None


def true(conditions: Mapping[str, Json], kind: str) -> bool:
    """Whether a condition holds."""
    return text(conditions.get(kind, {}), "status") == "True"


def time(written: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(written)
