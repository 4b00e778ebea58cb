"""The words in which a DualRun is planned: its parts, what is seen of them (DualSeen), what to do (DualPlan).

A part is one process here and one pod on a cluster. Its slot, `<role>-<index>`, is there for as long as the run is; each start of it
has a number of its own, so that a start that is repeated is refused and what is left of an earlier one is told apart.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from tandem_operator.api.dual_status import DualRunStatus, LaneStatus, MemoryStatus
from tandem_operator.api.lane import EngineSpec
from tandem_operator.api.status import CheckpointStatus
from tandem_operator.plan.values import Event, Waiting


class Role(StrEnum):
    """What a part does; none relies on one that stands below it."""

    MEMORY = "memory"
    ENGINE = "engine"
    COORDINATOR = "coordinator"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place for a part: `engine` and `lane` say which server of which lane an engine is, and are empty for all others."""

    role: Role
    index: int = 0
    lane: str = ""
    engine: EngineSpec | None = None

    @property
    def name(self) -> str:
        """`<role>-<index>`."""
        return f"{self.role}-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part to start; rendered to a process or a pod. What it is told is made in `plan/dual/environment.py`."""

    run: str
    slot: Slot
    start: int

    @property
    def name(self) -> str:
        """`<run>-<role>-<index>-<start>`: derived, so that whoever runs it refuses to start it twice."""
        return f"{self.run}-{self.slot.name}-{self.start}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPart:
    """A part as it stands.

    `exit_code` is None while it lives; `until` is when it ended. `ready` says that it answers: a server listens and a coordinator can be
    asked; a worker is ready once it runs. `stopping` says that it has been asked to leave; `disrupted` that the platform ended it;
    `waiting` why it is not up yet; `fenced` that its machine is not heard of any more. `node` is the machine of a cluster that it is on.
    """

    name: str
    role: Role
    index: int
    start: int
    since: datetime
    until: datetime | None = None
    exit_code: int | None = None
    message: str = ""
    ready: bool = False
    stopping: bool = False
    disrupted: bool = False
    waiting: Waiting | None = None
    fenced: bool = False
    node: str = ""

    @property
    def slot(self) -> str:
        """`<role>-<index>`."""
        return f"{self.role}-{self.index}"

    @property
    def live(self) -> bool:
        """Whether it may still work."""
        return self.exit_code is None and not self.fenced


@dataclass(frozen=True, slots=True, kw_only=True)
class DualReport:
    """The newest word of the coordinator: `Status` of tandem.reasoning.v1, in the words of a status.

    `cap_usd` is the limit that it was started with, which an edit may have changed since.
    `reason` says in one word what keeps the run from going on, such as BudgetExhausted.
    """

    at: datetime
    total: int = 0
    done: int = 0
    failed: int = 0
    spent_usd: Decimal = Decimal(0)
    reserved_usd: Decimal = Decimal(0)
    cap_usd: Decimal | None = None
    agreement: float | None = None
    eta_seconds: float | None = None
    lanes: tuple[LaneStatus, ...] = ()
    memory: MemoryStatus | None = None
    reason: str = ""
    checkpoint: CheckpointStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DualSeen:
    """All that a decision may rest on, besides the run itself and the clock.

    `parts` are all that are known, of whichever start, those that ended included. `report` is None until the coordinator was heard.
    `memory_offered` says that the shell has a memory service for runs that name none, so that none is started; `refused` why parts that
    were to be started could not be. `credentials` tells what parts know each other by from others, and is no secret; empty where it
    never changes. `accepted` says that the run can be run here as it is written now (`acceptance.py`); if not, nothing is started, and
    parts go on by what they were told.
    """

    parts: tuple[SeenPart, ...] = ()
    report: DualReport | None = None
    memory_offered: bool = False
    refused: Waiting | None = None
    credentials: str = ""
    accepted: bool = True

    def live(self) -> tuple[SeenPart, ...]:
        """The parts that may still work."""
        return tuple(part for part in self.parts if part.live)

    def at(self, slot: str, start: int) -> SeenPart | None:
        """One start of one slot; None when it is not there."""
        return next((part for part in self.parts if (part.slot, part.start) == (slot, start)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DualPlan:
    """What to do: whom to start and to stop, status and events; in the order of each shell, which may be killed anywhere.

    `start` never holds a part whose number the status that was read did not hold: numbers are written first. `remove` says that the run
    itself has outlived its time. `look_again` is how long nothing is to be expected; None when only a change from outside can make a
    difference.
    """

    status: DualRunStatus
    stop: tuple[str, ...] = ()
    start: tuple[Part, ...] = ()
    events: tuple[Event, ...] = ()
    look_again: timedelta | None = None
    remove: bool = False
