"""Is a machine of the attempt silent? Whether its workers still compute nobody knows, so the attempt cannot go on with them.

They are fenced: the store refuses what they write as soon as the next attempt has claimed its place there (a fencing token;
Kleppmann, "How to do distributed locking", 2016). So the next attempt waits for those that are heard of, and for no others.
A machine that comes back brings workers that live again: they are asked to leave, and until they have, nothing new begins.
"""

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen


def lost(run: TrainingRun, seen: Seen) -> Ending | None:
    """The loss of a worker of the current attempt with its machine; None while all machines are heard of."""
    for worker in seen.of(run.status.attempt):
        if worker.fenced and worker.exit_code is None:
            message = f"machine {worker.node}, which holds worker {worker.name}, is not heard of"
            return Ending(reason=Reason.LOST, message=message)
    return None
