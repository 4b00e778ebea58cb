"""Is the ground about to give way? A notice for one machine stops the whole attempt, while there is time for a checkpoint.

Notices are taints of Karpenter, the node termination handler or the autoscaler, and the pod's own DisruptionTarget condition
(KEP-3329), or what Kueue says in its place. Nor does an attempt that is under way ask any of its workers to leave: one that was
asked was deleted or evicted by somebody else. The ranks of an attempt can save only together, so all leave together.
"""

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen, SeenWorker


def given(run: TrainingRun, seen: Seen) -> Ending | None:
    """The interruption of the current attempt, announced or under way; None while it stands on firm ground.

    A worker that was disrupted drags others down with it: whatever they exit with, it is the disruption that counts.
    """
    for worker in seen.of(run.status.attempt):
        if message := _notice(worker, seen):
            return Ending(reason=Reason.INTERRUPTED, message=message)
    return None


def _notice(worker: SeenWorker, seen: Seen) -> str | None:
    if worker.exit_code == 0:
        return None
    if worker.disrupted:
        return f"worker {worker.name} is evicted from its machine" + (f": {worker.disruption}" if worker.disruption else "")
    node = seen.node(worker.node)
    if worker.live and node and node.notice:
        return f"node {node.name}, which holds worker {worker.name}, is about to go: {node.notice}"
    if worker.live and worker.stopping:
        return f"worker {worker.name} was asked to leave by somebody else"
    return None
