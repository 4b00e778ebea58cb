"""Everything there is to know about one run on this machine, in one folder.

A kill at any instant leaves it readable. In it:

spec.json      what is wanted: the run without its status; its generation rises with every change
status.json    how it stands, as a cluster would hold it; status.previous.json is the one before
events.jsonl   what happened
workers/       one folder for each worker there ever was (process/folder.py)
telemetry/     the report sink of a TrainingRun
checkpoints/   where state is kept, unless the spec says where
ledger.sqlite  answers, calls and money of a DualRun; job.json what its coordinator is told, ports/ where its parts listen
lock           held by the owner (owner.py); spec.lock by whoever changes spec.json
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Generic, TypeVar, cast

from pydantic import ValidationError

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.model import ApiModel
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Event, EventKind

from . import durable
from .owner import Ownership

Model = TypeVar("Model", bound=ApiModel)
Run = TypeVar("Run", TrainingRun, DualRun)
Status = TypeVar("Status", RunStatus, DualRunStatus)


class StateError(Exception):
    """The state of a run cannot be used; one line that says which file, why, and how to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event, and when it was."""

    at: datetime
    event: Event

    @classmethod
    def parse(cls, line: str) -> "Happened | None":
        """A line of events.jsonl; None when a kill or a power cut has torn it."""
        try:
            told = cast("dict[str, str]", json.loads(line))
            event = Event(kind=EventKind(told["type"]), reason=told["reason"], message=told["message"])
            return cls(at=datetime.fromisoformat(told["at"]), event=event)
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class StateFolder(Generic[Run, Status]):
    """The folder of one run, of whichever kind."""

    path: Path
    kind: ClassVar[type[ApiModel]]
    status_kind: ClassVar[type[ApiModel]]

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def workers(self) -> Path:
        """Where its workers, or parts, keep their folders."""
        return self.path / "workers"

    @property
    def checkpoints(self) -> str:
        """Where its state is kept, unless its spec says otherwise."""
        return (self.path / "checkpoints").as_uri()

    @property
    def exists(self) -> bool:
        """Whether there is such a run."""
        return self._spec.exists()

    def ownership(self) -> Ownership:
        """Its lock, not yet taken."""
        return Ownership(self.path / "lock")

    def changing(self) -> Path:
        """The lock to hold while spec.json is read, changed and written back."""
        return self.path / "spec.lock"

    def run(self) -> Run:
        """What is wanted and how it stands.

        Raises:
            StateError: when a file of it is damaged or lost.
        """
        return self.wanted().model_copy(update={"status": self.status()})

    def wanted(self) -> Run:
        """What is wanted, without status.

        Raises:
            StateError: when spec.json is damaged.
        """
        return cast("Run", _read(self._spec, self.kind, "write it anew with `tandem run` and the run's file after moving it away"))

    def status(self) -> Status:
        """How it stands; the beginning when nothing was ever started.

        Raises:
            StateError: when status.json is damaged, or gone although workers were started: spend and attempts would start from 0.
        """
        if not self._status.exists():
            if self.workers.is_dir() and any(self.workers.iterdir()):
                message = f"{self._status}: is missing although workers were started: {self._way_on}"
                raise StateError(message)
            return cast("Status", self.status_kind())
        return cast("Status", _read(self._status, self.status_kind, self._way_on))

    def write_wanted(self, run: Run) -> None:
        """Put on record what is wanted."""
        self.path.mkdir(parents=True, exist_ok=True)
        durable.write(self._spec, _text(run, without_status=True))

    def write_status(self, status: Status) -> None:
        """Put on record how it stands, if that has changed."""
        text = _text(status)
        if not self._status.exists() or self._status.read_text(encoding="utf-8") != text:
            durable.write(self._status, text, previous=self._previous)

    def say(self, events: Iterable[Event], at: datetime) -> None:
        """Put on record what happened."""
        for event in events:
            told = {"at": at.isoformat(), "type": event.kind.value, "reason": event.reason, "message": event.message}
            durable.append_line(self.path / "events.jsonl", json.dumps(told))

    def events(self) -> Iterator[Happened]:
        """What has happened so far, oldest first."""
        for line in durable.lines(self.path / "events.jsonl"):
            if happened := Happened.parse(line):
                yield happened

    @property
    def _spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def _status(self) -> Path:
        return self.path / "status.json"

    @property
    def _previous(self) -> Path:
        return self.path / "status.previous.json"

    @property
    def _way_on(self) -> str:
        if self._previous.exists():
            return f"copy {self._previous.name} beside it over it, or start anew with `tandem run --fresh`"
        return "start anew with `tandem run --fresh`"


class RunFolder(StateFolder[TrainingRun, RunStatus]):
    """The folder of a TrainingRun."""

    kind, status_kind = TrainingRun, RunStatus

    @property
    def telemetry(self) -> Path:
        """Where its report sink keeps its address and token."""
        return self.path / "telemetry"

    @property
    def picture(self) -> Path:
        """Its loss curve."""
        return self.path / "loss.png"


class DualFolder(StateFolder[DualRun, DualRunStatus]):
    """The folder of a DualRun."""

    kind, status_kind = DualRun, DualRunStatus

    @property
    def ledger(self) -> Path:
        """The books of its coordinator."""
        return self.path / "ledger.sqlite"

    @property
    def job(self) -> Path:
        """What its coordinator is told."""
        return self.path / "job.json"

    @property
    def token(self) -> Path:
        """The token that its coordinator wants, readable by nobody else."""
        return self.path / "token"

    @property
    def report(self) -> Path:
        """Where its report is written."""
        return self.path / "report"


AnyFolder = RunFolder | DualFolder
"""The folder of a run of either kind."""


def kind_at(path: Path) -> str:
    """The kind of the run in a folder, as far as it says; empty where there is none."""
    try:
        told = json.loads((path / "spec.json").read_text(encoding="utf-8"))
        return str(told["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _read(path: Path, model: type[Model], way_on: str) -> Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = f"{where}: {first['msg']}" if where else first["msg"]
        message = f"{path}: cannot be read ({problem}): {way_on}"
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror}): {way_on}"
    raise StateError(message)


def _text(model: ApiModel, *, without_status: bool = False) -> str:
    told = model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"status"} if without_status else None)
    return json.dumps(told, indent=2)
