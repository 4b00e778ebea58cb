"""Where the ranks of an attempt find each other: at worker 0.

On a cluster this is a name of the run's headless Service, or of the only worker, which knows its own name without one; a
shell that has no names replaces it by an address of its own. The attempt is part of the name, so ranks of two attempts
never meet.
"""

from tandem_operator.api.training_run import TrainingRun

PORT = 29400
"""torchrun's default, which network policies and people know."""


def address(run: TrainingRun) -> str:
    """host:port of worker 0 of the attempt that the status names."""
    first = f"{run.name}-{run.status.attempt}-0"
    return f"{first}.{domain(run)}:{PORT}" if needed(run) else f"{first}:{PORT}"


def needed(run: TrainingRun) -> bool:
    """Whether there is, or can be, more than one worker to be found."""
    return max(run.spec.workers, run.status.workers) > 1


def domain(run: TrainingRun) -> str:
    """The part of the name that all workers of the run share."""
    return f"{run.name}-ranks"
