"""Is the time of the run over? Counted from its first attempt, waiting and suspension included, as for Kubernetes Jobs."""

from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.model import duration_text
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason


def moment(run: TrainingRun | DualRun) -> datetime | None:
    """When the run must have ended; None when it may take as long as it likes, or has not begun."""
    if run.spec.deadline is None or run.status.started_at is None:
        return None
    return run.status.started_at + run.spec.deadline


def passed(run: TrainingRun | DualRun, now: datetime) -> Ending | None:
    """The end of the time, if it has come; workers checkpoint before they leave, so the work is not lost."""
    last = moment(run)
    if run.spec.deadline is None or last is None or now < last:
        return None
    message = f"spec.deadline: the run's {duration_text(run.spec.deadline)} are over"
    return Ending(reason=Reason.DEADLINE_EXCEEDED, message=message, final=True)
