"""How a run that failed goes on: because a person asks again, which is a new mandate. Only `tandem run` and `tandem resume` do this.

The planner knows no way out of Failed, so that nothing wakes a run by accident. What is written here is the run at rest, its
failure withdrawn; from rest the planner finds its own way on, names no attempt while a worker of an old one lives, and fails
the run anew when its deadline is still over. Likewise a pair that gave questions up: its coordinator says which of them it asks again.
"""

import time
from datetime import UTC, datetime
from typing import Final

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.dual.phases import Reason as DualReason
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Event

from .owner import Ownership
from .run_folder import Run, StateError, StateFolder, Status

_PATIENCE_S, _RETRY_S = 5.0, 0.05  # an owner whose run has failed leaves as soon as it has told so

_FORGOTTEN: Final = {
    "failures": 0,
    "no_progress": 0,
    "failed_at_step": None,
    "finished_at": None,
    "start_after": None,
    "fell_at": None,  # the time until somebody asked again is no time to resume
    "eta_seconds": None,
}
_FORGOTTEN_OF_PAIRS: Final = {
    "failed": 0,  # or all questions would have come to something, and the run be over at once
    "finished_at": None,
    "eta_seconds": None,
}
"""Its parts are forgiven by the planner, as after any rest."""


def revive(folder: StateFolder[Run, Status]) -> bool:
    """Put a run that failed, in whole or in part, to rest so that it can go on; say whether there was one to revive.

    Raises:
        StateError: when another process keeps acting for it.
    """
    with folder.ownership() as lock:
        if not _taken(lock, folder):
            return False
        status = folder.status()
        if not failed(status):
            return False
        revived = at_rest(status)
        folder.write_status(revived)
        folder.say([Event.normal("AskedAgain", revived.message)], datetime.now(UTC))
    return True


def failed(status: Status) -> bool:
    """Whether a run has ended and failed, in whole or in part."""
    in_part = isinstance(status, DualRunStatus) and status.phase is RunPhase.SUCCEEDED and status.reason == DualReason.PARTIAL_FAILURE
    return status.phase is RunPhase.FAILED or in_part


def at_rest(status: Status) -> Status:
    """The status of a failed run as one that rests: what it did and cost stays, what it failed for is forgiven."""
    message = f"a person asked to go on after {status.reason}: {status.message}"
    rest = {"phase": RunPhase.SUSPENDED, "reason": Reason.WITHDRAWN.value, "message": message}
    return status.model_copy(update=(_FORGOTTEN_OF_PAIRS if isinstance(status, DualRunStatus) else _FORGOTTEN) | rest)


def _taken(lock: Ownership, folder: StateFolder[Run, Status]) -> bool:
    """Wait for an owner that is about to leave; False when the run has been revived by another meanwhile."""
    deadline = time.monotonic() + _PATIENCE_S
    while not lock.take():
        if not failed(folder.status()):
            return False
        if time.monotonic() > deadline:
            message = f"{folder.name}: has failed and is still held by process {lock.holder()}: end that one and ask again"
            raise StateError(message)
        time.sleep(_RETRY_S)
    return True
