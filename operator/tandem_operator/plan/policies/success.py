"""Has the run done what it was made for? Only when every worker says so: exit code 0 of one is a wait for the others."""

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Seen


def done(run: TrainingRun, seen: Seen) -> bool:
    """Whether the whole current attempt ended well, also if it had been asked to stop: finishing is better than resting."""
    ours = seen.of(run.status.attempt)
    return 0 < run.status.workers <= len(ours) and all(worker.exit_code == 0 for worker in ours)
