"""How long is a finished run kept? `ttlSecondsAfterFinished`, as for Kubernetes Jobs (KEP-592); its checkpoints stay."""

from datetime import datetime, timedelta

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.dual.values import DualSeen
from tandem_operator.plan.values import Seen


def moment(run: TrainingRun | DualRun) -> datetime | None:
    """When the run may go; None while it is not over, or when it is to be kept."""
    kept_s = run.spec.ttl_seconds_after_finished
    if kept_s is None or run.status.finished_at is None:
        return None
    return run.status.finished_at + timedelta(seconds=kept_s)


def over(run: TrainingRun | DualRun, seen: Seen | DualSeen, now: datetime) -> bool:
    """Whether the run has outlived its time, and nothing of it lives."""
    last = moment(run)
    return last is not None and now >= last and not seen.live()
