"""What does an error mean for the run? Whether trying again can help, and one line that says what happened."""

import traceback

from tandem_objects import ObjectError

from tandem_trainer.checkpoint.errors import CheckpointError, Fenced
from tandem_trainer.exit_codes import DO_NOT_RESTART, FAILED, PREEMPTED, UNAVAILABLE
from tandem_trainer.refusal import Refusal


def verdict(error: Exception) -> tuple[int, str]:
    """The exit code and the line.

    A person's mistake is not tried again. Nor is it the trainer's fault where a store is away. A stranger's error is tried again, with
    its trace in the log.
    """
    if isinstance(error, Fenced):
        return PREEMPTED, f"a newer attempt has taken over: {error}"
    if isinstance(error, ObjectError | CheckpointError):
        return UNAVAILABLE if error.retryable else DO_NOT_RESTART, str(error)
    if isinstance(error, Refusal):
        return FAILED if error.retryable else DO_NOT_RESTART, str(error)
    traceback.print_exception(error)
    return FAILED, in_a_line(error)


def in_a_line(error: Exception) -> str:
    """What a stranger's error says."""
    return " ".join(f"{type(error).__name__}: {error}".split())
