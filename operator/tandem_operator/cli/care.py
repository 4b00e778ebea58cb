"""What is particular to a kind of run while somebody cares for it: its shell, the words for stopping it, and how it ends."""

import os
from typing import Protocol, TypeVar

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.local.shell import Looked, Shell
from tandem_operator.local.state.run_folder import RunFolder

from .exits import Exit

_ENDS = {RunPhase.SUCCEEDED: Exit.DONE, RunPhase.FAILED: Exit.FAILED}
Status_contra = TypeVar("Status_contra", RunStatus, DualRunStatus, contravariant=True)


class Caring(Protocol):
    """A shell: looks, does, waits."""

    @property
    def trouble(self) -> str:
        """What does not work and is not needed either, in a line."""
        ...

    def look(self) -> Looked:
        """Look once, and do what there is to do."""
        ...

    def wait(self, timeout_s: float, wakes: int) -> None:
        """Sleep until something ends, `wakes` can be read, or time is up."""
        ...

    def close(self) -> None:
        """Let go of the run."""
        ...


class Care(Protocol[Status_contra]):
    """How a run of one kind is cared for."""

    @property
    def leaving(self) -> str:
        """What Ctrl-C does."""
        ...

    @property
    def stopping(self) -> str:
        """What happens once it was pressed."""
        ...

    def caring(self) -> Caring:
        """The shell of the run."""
        ...

    def still_stopping(self, status: Status_contra) -> str:
        """What takes so long, and how to leave at once."""
        ...

    def ended(self, status: Status_contra) -> Exit:
        """The exit code of a run in which nothing is left to do."""
        ...


class TrainingCare:
    """How a TrainingRun is cared for."""

    leaving = "checkpoint, then stop"
    stopping = "a checkpoint first, then its workers leave"

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def caring(self) -> Caring:
        """Its shell."""
        return Shell(self._folder)

    def still_stopping(self, status: RunStatus) -> str:
        """Workers save what they have, which may be much."""
        kept = f"step {status.checkpoint.step} is saved" if status.checkpoint else "nothing is saved yet"
        return f"its workers are saving step {status.step} ({kept}) and are killed if they take longer than 110 s. {at_once()}"

    def ended(self, status: RunStatus) -> Exit:
        """A run that rests was stopped before its end."""
        return _ENDS.get(status.phase, Exit.STOPPED)


def at_once() -> str:
    """How to leave without waiting."""
    return f"To leave at once: kill -9 {os.getpid()}; the next `tandem run` goes on from there"
