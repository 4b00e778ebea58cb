"""How a run stands. Nothing that a restarted planner needs is kept anywhere else."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, computed_field

from .dollars import dollars
from .model import ApiModel, Time, UsdText
from .percent import percent
from .scalars import Measured, Total


class RunPhase(StrEnum):
    """Where a run is in its life; the ways between these are the table in `plan/phases.py`."""

    PENDING = "Pending"
    RUNNING = "Running"
    STOPPING = "Stopping"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"

    @property
    def terminal(self) -> bool:
        """Whether a run stays here for ever."""
        return self in {RunPhase.SUCCEEDED, RunPhase.FAILED}

    @property
    def resting(self) -> bool:
        """Whether nothing is left to do for a run that is here, unless a person asks."""
        return self.terminal or self is RunPhase.SUSPENDED


class Condition(ApiModel):
    """A Kubernetes condition (KEP-1623)."""

    type: str
    """What is said, such as Complete."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: str
    """One word why, for programs."""
    message: str = ""
    """A sentence, for people."""
    last_transition_time: Time
    """Since when `status` is what it is."""
    observed_generation: int = 0
    """The generation of the spec that this was said of."""


class CheckpointStatus(ApiModel):
    """The newest complete checkpoint."""

    step: int
    """Optimizer steps it holds."""
    uri: str
    """Address of its manifest."""
    at: Time
    """When its manifest was written."""


def deciding(phase: RunPhase, reason: str, conditions: Sequence[Condition]) -> str:
    """The one word that says most about why a run is where it is.

    What is to be corrected comes first; of a run that waits, what its workers wait for; of any other, the reason for its phase.
    """
    untrue = {each.type: each.reason for each in conditions if each.status == "False"}
    waits = untrue.get("Scheduled") if phase is RunPhase.PENDING else None
    return untrue.get("Accepted") or waits or reason


class Standing(ApiModel):
    """How a run of any kind stands. What a newer Tandem has written there is passed over: an older one goes on caring for the run."""

    model_config = ConfigDict(extra="ignore")


class RunStatus(Standing):
    """How a run stands."""

    observed_generation: int = 0
    """The generation of the spec that was acted on last."""
    phase: RunPhase = RunPhase.PENDING
    """Where the run is in its life."""
    reason: str = ""
    """One word why it is there."""
    message: str = ""
    """A sentence why it is there."""
    attempt: int = 0
    """Number of the attempt that runs or ran last; 0 before the first."""
    workers: int = 0
    """Workers of that attempt."""
    next_workers: int | None = None
    """Workers of the next attempt, where it is to have another number than spec.workers."""
    growing: bool = False
    """Whether the attempt is larger than the one before, because there was room, and not all of its workers are up yet."""
    grow_after: Time | None = None
    """Until then it is not tried whether there is room for more workers."""
    capacity: str = ""
    """The machines that the attempt asks for: Spot, OnDemand, or empty when either will do."""
    pending_since: Time | None = None
    """Since when the attempt waits for its workers to be up; empty once all are."""
    failures: int = 0
    """Attempts that ended by a failure."""
    preemptions: int = 0
    """Attempts that ended because their machines were taken away."""
    failed_at_step: int | None = None
    """The step at which the last failure came."""
    no_progress: int = 0
    """Failures in a row at that step."""
    started_at: Time | None = None
    """When the first attempt was begun."""
    finished_at: Time | None = None
    """When the run came to its end."""
    start_after: Time | None = None
    """The next attempt waits until then."""
    looked_at: Time | None = None
    """When spend was last added up."""
    spent_usd: UsdText = Decimal(0)
    """US dollars spent so far, over all attempts, idle time included."""
    training_phase: str = ""
    """Name of the entry of spec.phases that is being trained."""
    step: int = 0
    """Optimizer steps done."""
    total_steps: Total = 0
    """Optimizer steps to be done."""
    loss: Measured = None
    """Training loss of the last reported step."""
    tokens_per_second: Measured = None
    """Tokens a second over all ranks, lately."""
    eta_seconds: int | None = None
    """Seconds to the end at that speed."""
    checkpoint: CheckpointStatus | None = None
    """The newest complete checkpoint."""
    spikes: int = 0
    """Loss spikes seen by the attempt that runs or ran last."""
    broken_experts: int | None = None
    """Experts whose answers were no numbers after the last reported step: no token is sent to them."""
    refused_updates: int = 0
    """Updates left out by the attempt that runs or ran last, since their errors were no numbers: those weights stayed as they were."""
    lost_steps: int = 0
    """Optimizer steps that had to be done again, over all attempts."""
    lost_usd: UsdText = Decimal(0)
    """US dollars paid for steps that were done again and for the time from each fall to the next step."""
    fell_at: Time | None = None
    """When the last attempt ended early; empty again once a later attempt has made a step."""
    falls: int = 0
    """Falls in a row before a step was made, the one under way included; 0 until the first."""
    fell_at_step: int | None = None
    """The last step that attempt reported, to count what had to be done again."""
    time_to_resume_seconds: Measured = None
    """From the end of the last attempt that ended early to the next optimizer step after it."""
    conditions: tuple[Condition, ...] = ()
    """What can be waited for: Accepted, Scheduled, Running, Checkpointed, BudgetOK, Interrupted, Suspended, Complete, Failed."""

    @computed_field
    @property
    def why(self) -> str:
        """The one word that says most about why the run is where it is: what is to be corrected, what it waits for, or `reason`."""
        return deciding(self.phase, self.reason, self.conditions)

    @computed_field
    @property
    def spent(self) -> str:
        """US dollars spent so far, as people read them."""
        return dollars(self.spent_usd)

    @computed_field
    @property
    def progress(self) -> str | None:
        """Share of its optimizer steps that are done, in full percent."""
        return percent(self.step, self.total_steps)
