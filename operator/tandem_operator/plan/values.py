"""The words plans are spoken in: what is seen (Seen), what to do (Plan). What is written is in `api`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from tandem_operator.api.status import CheckpointStatus, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One agent to start; rendered to a pod or to a local process group.

    Its name is derived, so starting it twice is refused by whoever runs it. `environment` says all that the agent has
    to know and holds no secret.
    """

    run: str
    attempt: int
    rank: int
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        """`<run>-<attempt>-<rank>`."""
        return f"{self.run}-{self.attempt}-{self.rank}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorker:
    """A worker as it stands.

    `exit_code` is None while it lives. `until` is when it ended, as far as that is known. `disrupted` says that the
    platform ended it (DisruptionTarget); `stopping` that it has been asked to leave already.
    """

    name: str
    attempt: int
    rank: int
    since: datetime
    until: datetime | None = None
    exit_code: int | None = None
    message: str = ""
    disrupted: bool = False
    stopping: bool = False
    node: str = ""

    @property
    def live(self) -> bool:
        """Whether it may still compute or write."""
        return self.exit_code is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenNode:
    """A machine with workers of ours: what it costs, and the notice it was given, if any."""

    name: str
    usd_per_hour: Decimal | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The newest word from the workers of an attempt."""

    attempt: int
    step: int
    at: datetime
    training_phase: str = ""
    loss: float | None = None
    tokens_per_second: float | None = None
    resumed_from_step: int | None = None
    first_step_at: datetime | None = None
    checkpoint: CheckpointStatus | None = None
    spikes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that a decision may rest on, besides the run itself and the clock."""

    workers: tuple[SeenWorker, ...] = ()
    nodes: tuple[SeenNode, ...] = ()
    report: Report | None = None

    def of(self, attempt: int) -> tuple[SeenWorker, ...]:
        """The workers of one attempt, dead ones included."""
        return tuple(worker for worker in self.workers if worker.attempt == attempt)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, in this order: stop, start, then write the status, then say the events.

    `start` never names an attempt that the written status does not hold yet, and events are said only if the status
    could be written, so that they are said once. `remove` says that the run itself has outlived its time.
    """

    status: RunStatus
    stop: tuple[str, ...] = ()
    start: tuple[Worker, ...] = ()
    events: tuple[Event, ...] = ()
    look_again: timedelta | None = None
    remove: bool = False
