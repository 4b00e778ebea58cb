"""A pod as the planner sees it: a worker that waits, lives, leaves or has ended, and why."""

from dataclasses import dataclass
from datetime import UTC, datetime
from sys import intern

from tandem_operator.cluster.kube.document import Json, part, text
from tandem_operator.plan.values import SaveAsked, SeenWorker
from tandem_operator.render.manifest import ATTEMPT, RANK, RUN, RUN_UID, SAVE_AFTER, SAVE_ASKED_AT, SPARE
from tandem_operator.render.pod import CONTAINER
from tandem_operator.render.worker_pod.queue import MANAGED, QUEUE

from . import endings, origins, waits
from .sighting import SightedPod


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPod(SightedPod):
    """A pod of a TrainingRun, and the worker that it is."""

    worker: SeenWorker

    @property
    def name(self) -> str:
        """Its name, in the namespace of the run."""
        return self.worker.name

    @property
    def node(self) -> str:
        """Its machine; empty while it has none."""
        return self.worker.node


def seen_pod(pod: Json) -> SeenPod | None:
    """The pod as the planner sees it; None when it is no worker of ours."""
    labels = part(pod, "metadata", "labels")
    attempt, rank, run = (text(labels, name) for name in (ATTEMPT, RANK, RUN))
    if not run or not attempt.isdecimal() or not rank.isdecimal():
        return None
    return SeenPod(
        run=(intern(text(pod, "metadata", "namespace")), intern(run)),
        run_uid=intern(text(labels, RUN_UID)),
        uid=text(pod, "metadata", "uid"),
        worker=_worker(pod, int(attempt), int(rank), labels),
        grace_s=endings.grace_s(pod),
    )


def _worker(pod: Json, attempt: int, rank: int, labels: Json) -> SeenWorker:
    conditions, ended = endings.conditions_of(pod), endings.end(pod, CONTAINER)
    disruption = endings.disruption(conditions)
    return SeenWorker(
        name=intern(text(pod, "metadata", "name")),
        attempt=attempt,
        rank=rank,
        since=endings.since(pod, conditions),
        until=ended.at if ended else None,
        exit_code=ended.code if ended else None,
        message=origins.traced(ended.message, pod, CONTAINER, origins.OF_TRAINING) if ended else "",
        disrupted=disruption is not None or bool(ended and ended.disrupted),
        disruption=disruption or "",
        stopping=bool(text(pod, "metadata", "deletionTimestamp")),
        node=intern(text(pod, "spec", "nodeName")),
        spare=SPARE in labels,
        waiting=None if ended else waits.waiting(pod, conditions, CONTAINER),
        asked=_asked(pod),
        grace_s=part(pod, "spec").get("terminationGracePeriodSeconds"),
        unqueued=QUEUE in labels and MANAGED not in labels,
    )


def _asked(pod: Json) -> SaveAsked | None:
    """The checkpoint that it was asked for; None as well when somebody has written there what nobody can read."""
    told = part(pod, "metadata", "annotations")
    after, at = text(told, SAVE_AFTER), text(told, SAVE_ASKED_AT)
    if not after.isdecimal():
        return None
    try:
        return SaveAsked(after=int(after), at=datetime.fromisoformat(at).astimezone(UTC))
    except (ValueError, OverflowError):
        return None
