"""The words plans are spoken in: what is seen (Seen), what to do (Plan). What is written is in `api`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from tandem_operator.api.placement import Spot
from tandem_operator.api.status import CheckpointStatus, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One agent to start; rendered to a pod or to a local process group.

    Its name is derived, so starting it twice is refused by whoever runs it. `environment` says all that the agent has
    to know and holds no secret. A `spare` trains nothing: it waits for a machine, and so finds out when there is room to grow.
    """

    run: str
    attempt: int
    rank: int
    spare: bool = False
    spot: Spot = Spot.PREFER
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        """`<run>-<attempt>-<rank>`."""
        return f"{self.run}-{self.attempt}-{self.rank}"


class Tier(StrEnum):
    """Why a worker is not up yet, from what only a person can mend to what passes by itself (after Kueue's KEP-10852)."""

    MISCONFIGURED = "Misconfigured"
    QUOTA = "WaitingForQuota"
    NO_CAPACITY = "NoCapacity"
    NODE = "WaitingForNode"
    IMAGE = "PullingImage"
    START = "Starting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a worker waits for, and what the platform says of it. `placed` once it has a machine, which from then on is paid for."""

    tier: Tier
    message: str = ""
    placed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveAsked:
    """The workers are asked for a checkpoint of a step later than `after`, since `at`."""

    after: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorker:
    """A worker as it stands.

    `since` is when it came to its machine, which is paid for from then on; when it was made, as long as it has none.
    `exit_code` is None while it lives. `until` is when it ended, as far as that is known. `disrupted` says that the
    platform ended it (DisruptionTarget), `disruption` what that said of it; `stopping` that it has been asked to leave
    already; `waiting` why it is not up yet. `fenced` says that its machine is not heard of any more: whether it computes
    on nobody knows, but what it writes is refused by the store as soon as a newer attempt has claimed its place there.
    `asked` is the checkpoint that it was asked for; only the one of rank 0 is, for all. `grace_s` is how long it would
    have to leave, in seconds, where that is known. `unqueued` says that it was to stand in line, and that nobody keeps that line.
    """

    name: str
    attempt: int
    rank: int
    since: datetime
    until: datetime | None = None
    exit_code: int | None = None
    message: str = ""
    disrupted: bool = False
    disruption: str = ""
    stopping: bool = False
    node: str = ""
    spare: bool = False
    waiting: Waiting | None = None
    fenced: bool = False
    asked: SaveAsked | None = None
    grace_s: int | None = None
    unqueued: bool = False

    @property
    def live(self) -> bool:
        """Whether it may still compute or write where it matters."""
        return self.exit_code is None and not self.fenced

    @property
    def placed(self) -> bool:
        """Whether it has, or had, a machine."""
        return self.waiting is None or self.waiting.placed


HERE: Final = "this machine"
"""The name of the machine that workers are on where there is no cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenNode:
    """A machine with workers of ours: what the run pays for it, the notice it was given, if any, and whether it takes no more pods."""

    name: str
    usd_per_hour: Decimal | None = None
    notice: str | None = None
    cordoned: bool = False

    @property
    def shaky(self) -> bool:
        """Whether its workers are about to be sent away, or may be soon."""
        return self.cordoned or self.notice is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The newest word from the workers of an attempt; `checkpoint_problem` is why the last try at a checkpoint failed, if it did.

    `broken_experts` is None where none are counted.
    """

    attempt: int
    step: int
    at: datetime
    training_phase: str = ""
    loss: float | None = None
    tokens_per_second: float | None = None
    resumed_from_step: int | None = None
    first_step_at: datetime | None = None
    checkpoint: CheckpointStatus | None = None
    checkpoint_problem: str = ""
    spikes: int = 0
    broken_experts: int | None = None
    refused_updates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that a decision may rest on, besides the run itself and the clock.

    `refused` is why workers that were to be started could not be: the platform would not have them. `vanished` are those that are not
    there any more though nobody saw them end, each until the moment at which that was noticed: they cost money until then. `accepted`
    says that the run can be run here as it is written now (`acceptance.py`); if not, no attempt follows on the one under way.
    """

    workers: tuple[SeenWorker, ...] = ()
    nodes: tuple[SeenNode, ...] = ()
    report: Report | None = None
    refused: Waiting | None = None
    vanished: tuple[SeenWorker, ...] = ()
    accepted: bool = True

    def of(self, attempt: int) -> tuple[SeenWorker, ...]:
        """The workers that train in one attempt, dead ones included; spares are none of them."""
        return tuple(worker for worker in self.workers if worker.attempt == attempt and not worker.spare)

    def live(self) -> tuple[SeenWorker, ...]:
        """The workers that may still compute or write, of any attempt."""
        return tuple(worker for worker in self.workers if worker.live)

    def node(self, name: str) -> SeenNode | None:
        """The node of that name, if it is seen."""
        return next((node for node in self.nodes if node.name == name), None)


class EventKind(StrEnum):
    """How loud an event is, in Kubernetes' two words."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something worth telling, once: a change, never a state."""

    kind: EventKind
    reason: str
    message: str

    @classmethod
    def normal(cls, reason: str, message: str) -> Self:
        """One that nobody need care about."""
        return cls(kind=EventKind.NORMAL, reason=reason, message=message)

    @classmethod
    def warning(cls, reason: str, message: str) -> Self:
        """One that somebody should look at."""
        return cls(kind=EventKind.WARNING, reason=reason, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do: whom to start and to stop, status and events; in the order of each shell's `apply.py`, which may be killed anywhere.

    `stop` may name workers that are not heard of, and what is left of spares that ended, so that their names are free again.
    `start` never names an attempt that the written status does not hold yet, save the first; and events are said only if the status
    could be written, so that they are said once. `remove` says that the run itself has outlived its time. `hold` says
    whether evictions that nobody must make are to be refused (a PodDisruptionBudget on a cluster); `save` is the checkpoint that the
    worker of rank 0 is to be asked for, while there is one, and is told to it once. `can_wait` says that the status
    need not be written for a few seconds: whoever looks next finds all that it says by the workers. `unhurried` says that nothing is
    expected when it is time to look again, and that runs for which something is may come first; but `at_latest`, if that is known,
    the look is due.
    """

    status: RunStatus
    stop: tuple[str, ...] = ()
    start: tuple[Worker, ...] = ()
    events: tuple[Event, ...] = ()
    look_again: timedelta | None = None
    remove: bool = False
    hold: bool = False
    save: SaveAsked | None = None
    can_wait: bool = False
    unhurried: bool = False
    at_latest: timedelta | None = None
