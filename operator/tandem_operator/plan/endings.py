"""Why an attempt must not go on. Policies say it; `training_run.plan` decides what follows."""

from dataclasses import dataclass

from .phases import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A reason for the attempt to end; `final` when no other attempt may follow, `workers` when the next is to have so many."""

    reason: Reason
    message: str = ""
    final: bool = False
    workers: int | None = None
