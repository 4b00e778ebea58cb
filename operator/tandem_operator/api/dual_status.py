"""How a DualRun stands: aggregates only; answers and calls are kept by the run's own coordinator."""

from decimal import Decimal
from enum import StrEnum

from pydantic import computed_field

from .dollars import dollars
from .model import ApiModel, Time, UsdText
from .percent import percent
from .scalars import Measured, Total
from .status import CheckpointStatus, Condition, RunPhase, Standing, deciding


class LaneState(StrEnum):
    """Whether a lane can be asked."""

    READY = "Ready"
    THROTTLED = "Throttled"
    EXHAUSTED = "Exhausted"
    UNAUTHORIZED = "Unauthorized"
    OPEN = "Open"

    @property
    def can_be_asked(self) -> bool:
        """Whether calls are made to it now; more slowly, where it is throttled."""
        return self in {LaneState.READY, LaneState.THROTTLED}


class LaneStatus(ApiModel):
    """How one lane stands."""

    name: str
    """Name of the lane."""
    state: LaneState
    """Ready; Throttled by the provider; Exhausted (no credit left); Unauthorized; Open (rested after many errors)."""
    done: int = 0
    """Questions it answered."""
    calls: int = 0
    """Calls it answered."""
    in_flight: int = 0
    """Calls that were being made."""
    input_tokens: int = 0
    """Tokens it has read."""
    output_tokens: int = 0
    """Tokens it has written."""
    problem: str = ""
    """What is wrong with it; empty while it is Ready."""
    spent_usd: UsdText = Decimal(0)
    """US dollars it has cost."""
    since: Time | None = None
    """Since when it has been in its state."""
    slow: bool = False
    """Whether it has been Throttled for a while, and not Ready for as long since."""


class MemoryState(StrEnum):
    """Whether the shared memory is recalled from."""

    READY = "Ready"
    AWAY = "Away"
    OFF = "Off"


class MemoryStatus(ApiModel):
    """How the run stands with its shared memory."""

    state: MemoryState
    """Ready; Away (answers go on without it); Off (it did harm, and is not asked any more)."""
    problem: str = ""
    """Why it is not ready."""
    waiting: int = 0
    """Records that it has yet to be told; they are kept meanwhile."""


class PartStatus(ApiModel):
    """How often a part of the run was started, and how it went of late."""

    name: str
    """Role and index, such as worker-0."""
    start: int = 1
    """Number of the start that runs or ran last; the last part of the name of its process or pod."""
    failures: int = 0
    """Starts in a row that ended by a failure soon after."""
    interruptions: int = 0
    """Starts in a row that the platform ended soon after."""
    start_after: Time | None = None
    """That start waits until then."""
    told: str = ""
    """What this start is told of the run, in short; where the run says something else by now, there is another start."""


class DualRunStatus(Standing):
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
    started_at: Time | None = None
    """When the first attempt was begun."""
    finished_at: Time | None = None
    """When the run came to its end."""
    total: Total = 0
    """Questions to be answered."""
    done: int = 0
    """Questions answered."""
    failed: int = 0
    """Questions given up, each with a reason."""
    progressed_at: Time | None = None
    """When the last question was answered or given up; when the attempt began, before its first."""
    eta_seconds: int | None = None
    """Seconds to the end at the speed of late."""
    agreement: Measured = None
    """Share of experts that gave the answer that was taken, lately."""
    spent_usd: UsdText = Decimal(0)
    """US dollars spent so far."""
    reserved_usd: UsdText = Decimal(0)
    """US dollars set aside for calls in flight."""
    exhausted_usd: UsdText | None = None
    """The budget that turned out to be spent; a larger one lets the run go on."""
    lanes: tuple[LaneStatus, ...] = ()
    """How each lane stands."""
    memory: MemoryStatus | None = None
    """How the run stands with its shared memory; absent without one, and until it is known."""
    parts: tuple[PartStatus, ...] = ()
    """How often each part was started."""
    checkpoint: CheckpointStatus | None = None
    """The newest snapshot; its step is the number of answered questions."""
    conditions: tuple[Condition, ...] = ()
    """What can be waited for: Scheduled, Running, LanesHealthy, MemoryHealthy, BudgetOK, Checkpointed, PartialFailure, Suspended,
    Complete, Failed."""

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
        """Share of its questions that were answered or given up, in full percent."""
        return percent(self.done + self.failed, self.total)
