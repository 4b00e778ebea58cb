"""Are evictions that nobody must make to be refused? Only while the run trains and nothing is about to be taken from it.

A cordoned machine interrupts nothing by itself, but whoever drains it next is let through: each worker then saves and leaves.
A disruption budget that refused drains for ever would be switched off by the people who have to mend machines.
"""

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Seen


def wanted(run: TrainingRun, seen: Seen) -> bool:
    """Whether the workers of the attempt are to be left where they are."""
    ours = [worker for worker in seen.of(run.status.attempt) if worker.live]
    nodes = [seen.node(worker.node) for worker in ours]
    calm = not any(worker.stopping for worker in ours) and not any(node.shaky for node in nodes if node)
    return calm and run.status.phase is RunPhase.RUNNING
