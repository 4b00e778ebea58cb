"""The life of a DualRun: every way from one phase to another, and for what reasons it is taken. There are no other ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunPhase

UNDER_WAY: Final = (RunPhase.PENDING, RunPhase.RUNNING)
"""The phases in which all parts are wanted: whoever is missing is started."""


class Reason(StrEnum):
    """One word why a run is in its phase."""

    ACCEPTED = "Accepted"
    RESUMED = "Resumed"
    UP = "PartsUp"
    ALL_ANSWERED = "AllQuestionsAnswered"
    PARTIAL_FAILURE = "PartialFailure"
    NOT_ACCEPTED = "NotAccepted"
    SUSPEND_REQUESTED = "SuspendRequested"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    DO_NOT_RESTART = "DoNotRestart"
    TOO_MANY_FAILURES = "TooManyFailures"
    NO_PROGRESS = "NoProgress"
    WITHDRAWN = "Withdrawn"

    @classmethod
    def _missing_(cls, value: object) -> "Reason":
        """A word that a newer release has written: whatever parts leave for, what follows is found out anew once they have."""
        del value
        return cls.WITHDRAWN

    @property
    def ours(self) -> bool:
        """Whether the run rests because we want it to, so that the wish can be taken back."""
        return self in {
            Reason.NOT_ACCEPTED,
            Reason.SUSPEND_REQUESTED,
            Reason.BUDGET_EXHAUSTED,
            Reason.DEADLINE_EXCEEDED,
            Reason.WITHDRAWN,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why the parts of a run must leave, and the phase in which it is once they have."""

    reason: Reason
    phase: RunPhase
    message: str = ""


_ANSWERED: Final = (Reason.ALL_ANSWERED, Reason.PARTIAL_FAILURE)
_RESTS: Final = (Reason.SUSPEND_REQUESTED, Reason.BUDGET_EXHAUSTED, Reason.NOT_ACCEPTED)
_HOPELESS: Final = (
    Reason.DEADLINE_EXCEEDED,
    Reason.BUDGET_EXHAUSTED,
    Reason.DO_NOT_RESTART,
    Reason.TOO_MANY_FAILURES,
    Reason.NO_PROGRESS,
)
_ENDS: Final[Mapping[RunPhase, tuple[Reason, ...]]] = {
    RunPhase.SUSPENDED: _RESTS,
    RunPhase.SUCCEEDED: _ANSWERED,
    RunPhase.FAILED: _HOPELESS,
}
_LEAVE: Final[Mapping[RunPhase, tuple[Reason, ...]]] = {RunPhase.STOPPING: (*_ANSWERED, *_RESTS, *_HOPELESS), **_ENDS}
WAYS: Final[Mapping[RunPhase, Mapping[RunPhase, tuple[Reason, ...]]]] = {
    RunPhase.PENDING: {RunPhase.RUNNING: (Reason.UP,), **_LEAVE},
    RunPhase.RUNNING: _LEAVE,
    RunPhase.STOPPING: {RunPhase.PENDING: (Reason.RESUMED,), **_ENDS},
    RunPhase.SUSPENDED: {RunPhase.PENDING: (Reason.RESUMED,), RunPhase.FAILED: (Reason.DEADLINE_EXCEEDED, Reason.BUDGET_EXHAUSTED)},
}
"""From a phase to others, each for some reasons."""


def allowed(before: DualRunStatus, after: DualRunStatus) -> bool:
    """Whether a run may go from `before` to `after`; staying in a phase is no step."""
    return before.phase is after.phase or after.reason in WAYS.get(before.phase, {}).get(after.phase, ())
