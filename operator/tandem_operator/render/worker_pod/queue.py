"""A worker's place in line: the group of plain pods by which Kueue knows an attempt.

After https://kueue.sigs.k8s.io/docs/tasks/run/plain_pods: the group is admitted whole, and Kueue never makes a pod anew. A worker that
has ended is not replaced in its group, because the next attempt is a group of its own: so the group says `retriable-in-group: false`, and
Kueue gives its quota back once all pods of it have ended. Without the annotation it would wait for replacements for ever.
"""

from collections.abc import Mapping

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Worker


def labels(worker: Worker, run: TrainingRun) -> Mapping[str, str]:
    """Queue and group; a spare waits in no line, since it stands for nothing that was asked for."""
    if run.spec.pod.queue is None or worker.spare:
        return {}
    return {"kueue.x-k8s.io/queue-name": run.spec.pod.queue, "kueue.x-k8s.io/pod-group-name": f"{worker.run}-{worker.attempt}"}


def annotations(worker: Worker, run: TrainingRun) -> Mapping[str, str]:
    """The size of the group, and that it is not mended."""
    if not labels(worker, run):
        return {}
    return {"kueue.x-k8s.io/pod-group-total-count": worker.environment["TANDEM_WORKERS"], "kueue.x-k8s.io/retriable-in-group": "false"}
