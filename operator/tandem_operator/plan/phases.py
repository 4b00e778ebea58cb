"""The life of a run: every way from one phase to another, and for what reasons it is taken. There are no other ways.

`plan` asserts that each step it makes is in `WAYS`, and the README's picture is drawn from it.
"""

from dataclasses import dataclass
from enum import StrEnum

from tandem_operator.api.status import RunPhase, RunStatus

UNDER_WAY = (RunPhase.PENDING, RunPhase.RUNNING)
"""The phases in which the attempt is wanted: whoever is missing is started, whoever is there may stay."""


class Reason(StrEnum):
    """One word why a run is in its phase."""

    ACCEPTED = "Accepted"
    NOT_ACCEPTED = "NotAccepted"
    ALL_PRESENT = "AllWorkersPresent"
    ALL_DONE = "AllWorkersDone"
    RESUMED = "Resumed"
    SUSPEND_REQUESTED = "SuspendRequested"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    WITHDRAWN = "Withdrawn"
    INTERRUPTED = "Interrupted"
    LOST = "Lost"
    PREEMPTED = "Preempted"
    WORKER_FAILED = "WorkerFailed"
    PEERS_MISSING = "PeersMissing"
    UNAVAILABLE = "Unavailable"
    DO_NOT_RESTART = "DoNotRestart"
    NO_PROGRESS = "NoProgress"
    TOO_MANY_FAILURES = "TooManyFailures"
    RESIZED = "Resized"
    FELL_BACK = "FellBack"
    EDITED = "Edited"

    @classmethod
    def _missing_(cls, value: object) -> "Reason":
        """A word that a newer release has written: an end that it knows of and we do not is nobody's fault."""
        del value
        return cls.INTERRUPTED

    @property
    def ours(self) -> bool:
        """Whether the attempt ends because we want it to: then nothing is counted against it."""
        return self in _OURS

    @property
    def disruption(self) -> bool:
        """Whether the attempt ends because its machines were taken away: nobody's fault."""
        return self in _DISRUPTIONS

    @property
    def reshaping(self) -> bool:
        """Whether the attempt ends only because another size, other machines or an edited spec are better: nobody's wish and no fall."""
        return self in _RESHAPES


_OURS = (Reason.SUSPEND_REQUESTED, Reason.BUDGET_EXHAUSTED, Reason.DEADLINE_EXCEEDED, Reason.WITHDRAWN)
_DISRUPTIONS = (Reason.INTERRUPTED, Reason.LOST, Reason.PREEMPTED)
_RESHAPES = (Reason.RESIZED, Reason.FELL_BACK, Reason.EDITED)
_RESTARTABLE = (*_DISRUPTIONS, Reason.WORKER_FAILED, Reason.UNAVAILABLE)
_RESTS = (Reason.SUSPEND_REQUESTED, Reason.BUDGET_EXHAUSTED)
_TOO_LATE = (Reason.DEADLINE_EXCEEDED, Reason.BUDGET_EXHAUSTED)
_HOPELESS = (Reason.DO_NOT_RESTART, Reason.NO_PROGRESS, Reason.TOO_MANY_FAILURES)
_STOPS = (*_RESTS, Reason.DEADLINE_EXCEEDED, *_RESTARTABLE, Reason.DO_NOT_RESTART)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From `source` to `target`, for one of `reasons`."""

    source: RunPhase
    target: RunPhase
    reasons: tuple[Reason, ...]


def _ways(source: RunPhase, ways: dict[RunPhase, tuple[Reason, ...]]) -> tuple[Way, ...]:
    return tuple(Way(source=source, target=target, reasons=reasons) for target, reasons in ways.items())


WAYS: tuple[Way, ...] = (
    *_ways(
        RunPhase.PENDING,
        {
            RunPhase.RUNNING: (Reason.ALL_PRESENT,),
            RunPhase.STOPPING: (*_STOPS, Reason.PEERS_MISSING, *_RESHAPES),
            RunPhase.SUSPENDED: _RESTS,
            RunPhase.SUCCEEDED: (Reason.ALL_DONE,),
            RunPhase.FAILED: (*_TOO_LATE, *_HOPELESS),
        },
    ),
    *_ways(
        RunPhase.RUNNING,
        {
            RunPhase.PENDING: _RESTARTABLE,
            RunPhase.STOPPING: (*_STOPS, Reason.RESIZED),
            RunPhase.SUSPENDED: _RESTS,
            RunPhase.SUCCEEDED: (Reason.ALL_DONE,),
            RunPhase.FAILED: (*_TOO_LATE, *_HOPELESS),
        },
    ),
    *_ways(
        RunPhase.STOPPING,
        {
            RunPhase.PENDING: (*_RESTARTABLE, Reason.PEERS_MISSING, *_RESHAPES, Reason.RESUMED),
            RunPhase.SUSPENDED: _RESTS,
            RunPhase.SUCCEEDED: (Reason.ALL_DONE,),
            RunPhase.FAILED: (*_TOO_LATE, *_HOPELESS),
        },
    ),
    *_ways(
        RunPhase.SUSPENDED,
        {
            RunPhase.PENDING: (Reason.RESUMED,),
            RunPhase.SUCCEEDED: (Reason.ALL_DONE,),  # on a machine that was not heard of when the run came to rest
            RunPhase.FAILED: _TOO_LATE,
        },
    ),
)
_ALLOWED = frozenset((way.source, way.target, reason) for way in WAYS for reason in way.reasons)


def allowed(before: RunStatus, after: RunStatus) -> bool:
    """Whether a run may go from `before` to `after`; staying in a phase is no step."""
    return before.phase is after.phase or (before.phase, after.phase, after.reason) in _ALLOWED


def diagram() -> str:
    """The table as a mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {RunPhase.PENDING}: {Reason.ACCEPTED}"]
    lines += [f"    {way.source} --> {way.target}: {', '.join(way.reasons)}" for way in WAYS]
    lines += [f"    {phase} --> [*]" for phase in RunPhase if phase.terminal]
    return "\n".join(lines) + "\n"
