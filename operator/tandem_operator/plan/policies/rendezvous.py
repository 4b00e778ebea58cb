"""Where the ranks of an attempt find each other: at worker 0.

On a cluster this is the name of its headless service; a shell that has no names replaces it by an address of its own. The
attempt is part of the name, so ranks of two attempts never meet.
"""

from tandem_operator.api.training_run import TrainingRun

_PORT = 29400  # torchrun's default, which network policies and people know


def address(run: TrainingRun) -> str:
    """host:port of worker 0 of the attempt that the status names."""
    return f"{run.name}-{run.status.attempt}-0:{_PORT}"
