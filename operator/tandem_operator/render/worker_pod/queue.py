"""A worker's place in line: the group of plain pods by which Kueue knows an attempt.

After https://kueue.sigs.k8s.io/docs/tasks/run/plain_pods: the group is admitted whole, and Kueue never makes a pod anew. A worker that
has ended is not replaced in its group, because the next attempt is a group of its own: so the group says `retriable-in-group: false`, and
Kueue gives its quota back once all pods of it have ended. Without the annotation it would wait for replacements for ever.

A group's name is also that of Kueue's Workload, which is there for a moment longer than its pods. A run that follows at once on another
of its name must not find that one: it has ended, and pods that came under it would never be let in.
"""

from collections.abc import Mapping
from typing import Final

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Worker

QUEUE: Final = "kueue.x-k8s.io/queue-name"
GROUP: Final = "kueue.x-k8s.io/pod-group-name"
"""Labels."""

GATE: Final = "kueue.x-k8s.io/admission"
"""What Kueue puts on a pod that has to wait, and takes off when it may be scheduled."""

MANAGED: Final = "kueue.x-k8s.io/managed"
"""The label that Kueue puts on whatever it holds back."""

_UID_CHARACTERS: Final = 8  # of a UUID's 32: its first part


def labels(worker: Worker, run: TrainingRun) -> Mapping[str, str]:
    """Queue and group; a spare waits in no line, since it stands for nothing that was asked for."""
    if run.spec.pod.queue is None or worker.spare:
        return {}
    return {QUEUE: run.spec.pod.queue, GROUP: _group(worker, run)}


def annotations(worker: Worker, run: TrainingRun) -> Mapping[str, str]:
    """The size of the group, and that it is not mended."""
    if not labels(worker, run):
        return {}
    return {"kueue.x-k8s.io/pod-group-total-count": worker.environment["TANDEM_WORKERS"], "kueue.x-k8s.io/retriable-in-group": "false"}


def _group(worker: Worker, run: TrainingRun) -> str:
    """`<run>-<beginning of its uid>-<attempt>`; a run that is not stored has no uid."""
    return "-".join(part for part in (worker.run, run.metadata.uid[:_UID_CHARACTERS], str(worker.attempt)) if part)
