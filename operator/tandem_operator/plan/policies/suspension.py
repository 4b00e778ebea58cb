"""Does somebody want the run to rest? `spec.suspend` checkpoints and stops it; taking it back starts the next attempt.

A suspended run holds no machine, which is also how a queue such as Kueue keeps a run waiting (KEP-2232 of Kubernetes Jobs).
"""

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason


def wanted(run: TrainingRun) -> Ending | None:
    """The wish to rest, if there is one."""
    if not run.spec.suspend:
        return None
    return Ending(reason=Reason.SUSPEND_REQUESTED, message="stopped on request")
