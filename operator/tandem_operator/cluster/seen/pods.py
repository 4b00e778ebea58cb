"""A pod as the planner sees it: a worker that waits, lives, leaves or has ended, and why.

Where each fact stands: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/. That a platform ended a pod is said by its
DisruptionTarget condition (KEP-3329), and for pods that never came to run by the kubelet's own reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Final

from tandem_operator.cluster.kube.document import Json, part, parts, text
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.plan.values import SeenWorker
from tandem_operator.render.manifest import ATTEMPT, RANK, RUN, RUN_UID, SPARE
from tandem_operator.render.pod import CONTAINER

from . import waits

_KILLED: Final = 137
_BY_KUBELET: Final = (
    "Evicted",
    "NodeAffinity",
    "NodeLost",
    "NodeShutdown",
    "Preempting",
    "Shutdown",
    "Terminated",
    "UnexpectedAdmissionError",
)
_OUT_OF: Final = "OutOf"  # OutOfcpu, OutOfnvidia.com/gpu: the machine was given away in between
_PLAIN: Final = ("", "Completed", "Error")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPod:
    """A pod of a run: the worker that it is, whose it is, which object it is, and by when it must have left, if it was asked to."""

    run: Key
    run_uid: str
    uid: str
    worker: SeenWorker
    leaves_by: datetime | None = None


def seen_pod(pod: Json) -> SeenPod | None:
    """The pod as the planner sees it; None when it is no worker of ours."""
    labels = part(pod, "metadata", "labels")
    attempt, rank, run = (text(labels, name) for name in (ATTEMPT, RANK, RUN))
    if not run or not attempt.isdecimal() or not rank.isdecimal():
        return None
    leaves_by = text(pod, "metadata", "deletionTimestamp")  # the end of its grace period, not its beginning
    return SeenPod(
        run=(intern(text(pod, "metadata", "namespace")), intern(run)),
        run_uid=intern(text(labels, RUN_UID)),
        uid=text(pod, "metadata", "uid"),
        worker=_worker(pod, int(attempt), int(rank), spare=SPARE in labels),
        leaves_by=_time(leaves_by) if leaves_by else None,
    )


def _worker(pod: Json, attempt: int, rank: int, *, spare: bool) -> SeenWorker:
    conditions = {each["type"]: each for each in parts(pod, "status", "conditions")}
    ended = _end(pod) if text(pod, "status", "phase") in {"Succeeded", "Failed"} else None
    return SeenWorker(
        name=intern(text(pod, "metadata", "name")),
        attempt=attempt,
        rank=rank,
        since=_since(pod, conditions),
        until=ended.at if ended else None,
        exit_code=ended.code if ended else None,
        message=ended.message if ended else "",
        disrupted=_true(conditions, "DisruptionTarget") or bool(ended and ended.disrupted),
        stopping=bool(text(pod, "metadata", "deletionTimestamp")),
        node=intern(text(pod, "spec", "nodeName")),
        spare=spare,
        waiting=None if ended else waits.waiting(pod, conditions),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    code: int
    message: str
    at: datetime | None
    disrupted: bool


def _end(pod: Json) -> _End:
    reason = text(pod, "status", "reason")
    disrupted = reason in _BY_KUBELET or reason.startswith(_OUT_OF)
    containers = {each["name"]: each for each in parts(pod, "status", "containerStatuses")}
    ended = part(containers.get(CONTAINER, {}), "state", "terminated")
    of_pod = f"{reason}: {text(pod, 'status', 'message')}" if reason else ""
    if not ended:
        code = 0 if text(pod, "status", "phase") == "Succeeded" else _KILLED
        return _End(code=code, message=of_pod or "ended before its container did", at=None, disrupted=disrupted)
    said, why, at = text(ended, "message"), text(ended, "reason"), text(ended, "finishedAt")
    if why not in _PLAIN:
        said = f"{why}: {said}" if said else why
    said = said or of_pod
    return _End(code=int(ended["exitCode"]) & 255, message=said, at=_time(at) if at else None, disrupted=disrupted)


def _since(pod: Json, conditions: Mapping[str, Json]) -> datetime:
    """When the worker got its machine; until then, when it was made."""
    placed = conditions.get("PodScheduled", {})
    at = text(placed, "lastTransitionTime")
    return _time(at if at and text(placed, "status") == "True" else text(pod, "metadata", "creationTimestamp"))


def _true(conditions: Mapping[str, Json], kind: str) -> bool:
    return text(conditions.get(kind, {}), "status") == "True"


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written)
