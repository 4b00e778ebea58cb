"""Does the run come any further? One in which no question has come to its end for too long fails, if it says how long that is.

Counted from the last question that was answered or given up, or from the beginning of the attempt: a rest is none of it, but whatever a
run under way waits for is, be it a machine, a key or a lane.
"""

from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.model import duration_text
from tandem_operator.api.status import RunPhase

from .phases import Ending, Reason


def moment(run: DualRun) -> datetime | None:
    """By when the next question must have come to its end; None when it may take as long as it likes."""
    if run.spec.no_progress_after is None or run.status.progressed_at is None:
        return None
    return run.status.progressed_at + run.spec.no_progress_after


def missed(run: DualRun, now: datetime) -> Ending | None:
    """That it has not, and what is wrong with the lanes meanwhile."""
    last = moment(run)
    if run.spec.no_progress_after is None or last is None or now < last:
        return None
    ill = [f"{lane.name} {lane.state}: {lane.problem}".removesuffix(": ") for lane in run.status.lanes if not lane.state.can_be_asked]
    message = f"no question came to its end for {duration_text(run.spec.no_progress_after)} (spec.noProgressAfter)"
    return Ending(reason=Reason.NO_PROGRESS, phase=RunPhase.FAILED, message="; ".join((message, *ill)))
