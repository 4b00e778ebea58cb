"""A world that does whatever it is told, and a shell that carries out plans in it: faithfully, or only until it is killed.

No cluster, no mocks, no real time. Every look keeps the laws, in a world that the checker found possible; the status is
read back from JSON each time, so nothing that counts can hide in memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from tandem_operator.api.status import CheckpointStatus, RunStatus
from tandem_operator.api.training_run import TrainingRun, TrainingRunSpec
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Plan, Report, Seen, SeenNode, SeenWorker, Worker

from . import checker, laws

START = datetime(2026, 1, 1, tzinfo=UTC)
SPEC: dict[str, Any] = {"trainer": {"deepspeed": {}}, "phases": [{"name": "all", "steps": 100, "batchSize": 24}]}


class Killed(StrEnum):
    """When a shell dies in the middle of carrying out a plan."""

    NEVER = "never"
    AFTER_STOP = "after stop"
    AFTER_FIRST_START = "after first start"
    BEFORE_STATUS = "before status"

    def in_time(self, made: Plan) -> bool:
        """Whether the plan has the part in which the shell dies."""
        return {Killed.NEVER: False, Killed.AFTER_STOP: bool(made.stop), Killed.AFTER_FIRST_START: bool(made.start)}.get(self, True)


def run_of(**spec: Any) -> TrainingRun:
    """A run `r` as people write it, with small defaults."""
    return TrainingRun.model_validate({"metadata": {"name": "r"}, "spec": {**SPEC, **spec}})


class World:
    """Workers, nodes and reports as they really are, and the run as it is stored."""

    def __init__(self, run: TrainingRun, nodes: Iterable[SeenNode] = ()) -> None:
        self.run, self.now = run, START
        self.nodes = {node.name: node for node in nodes}
        self.workers: dict[str, SeenWorker] = {}
        self.report: Report | None = None
        self.killed = False

    def seen(self) -> Seen:
        seen = Seen(workers=tuple(self.workers.values()), nodes=tuple(self.nodes.values()), report=self.report)
        checker.check(self.run, seen, self.now)
        return seen

    def live(self) -> list[SeenWorker]:
        return [worker for worker in self.workers.values() if worker.live]

    def look(self, killed: Killed = Killed.NEVER) -> Plan:
        """Plan, and carry the plan out in its order: stop, start, status."""
        seen = self.seen()
        made = plan(self.run, seen, self.now)
        assert made == plan(self.run, seen, self.now), "the same question has two answers"
        laws.keep(self.run, seen, self.now, made)
        self.killed = killed.in_time(made)
        for name in made.stop:
            self.workers[name] = replace(self.workers[name], stopping=True)
        if self.killed and killed is Killed.AFTER_STOP:
            return made
        for worker in made.start[:1] if killed is Killed.AFTER_FIRST_START else made.start:
            self.workers[worker.name] = self._begun(worker)
        if not self.killed:
            self.run = self.run.model_copy(update={"status": _stored(made.status)})
        return made

    def settle(self, looks: int = 8) -> Plan:
        """Look until nothing is left to do at this moment."""
        return [self.look() for _ in range(looks)][-1]

    def wait(self, length: timedelta) -> None:
        self.now += length

    def end(self, name: str, code: int, message: str = "", *, disrupted: bool = False) -> None:
        """A worker exits."""
        worker = self.workers[name]
        ended = {"exit_code": code, "until": self.now, "message": message, "disrupted": disrupted or worker.disrupted}
        self.workers[name] = replace(worker, **ended)

    def leave(self, code: int = 143) -> None:
        """Everybody who was asked to leave does."""
        for worker in self.live():
            if worker.stopping:
                self.end(worker.name, code)

    def vanish(self, name: str) -> None:
        """A worker is gone without a word, dead or alive."""
        del self.workers[name]

    def disrupt(self, name: str) -> None:
        """The platform says that it will end a worker."""
        self.workers[name] = replace(self.workers[name], disrupted=True)

    def notice(self, node: str, text: str | None) -> None:
        """A node is given notice, or it is taken back."""
        self.nodes[node] = replace(self.nodes[node], notice=text)

    def edit(self, **spec: Any) -> None:
        """Somebody edits the spec; every edit is a new generation."""
        old = self.run.spec.model_dump(by_alias=True, exclude_none=True, mode="json")
        metadata = self.run.metadata.model_copy(update={"generation": self.run.metadata.generation + 1})
        self.run = self.run.model_copy(update={"spec": TrainingRunSpec.model_validate(_merged(old, spec)), "metadata": metadata})

    def tell(self, step: int, *, resumed_from: int | None = None, checkpoint: int | None = None, **more: Any) -> None:
        """The workers report; what a report leaves out stays as it was said before in the attempt."""
        attempt = more.pop("attempt", self.run.status.attempt)
        known = self.report if self.report and self.report.attempt == attempt else None
        first = (known and known.first_step_at) or (self.now if step > (resumed_from or 0) else None)
        uri = f"file:///checkpoints/{checkpoint}"
        saved = None if checkpoint is None else CheckpointStatus(step=checkpoint, uri=uri, at=self.now)
        self.report = Report(
            attempt=attempt,
            step=step,
            at=self.now,
            first_step_at=first,
            resumed_from_step=resumed_from if resumed_from is not None else (known.resumed_from_step if known else None),
            checkpoint=saved or (known.checkpoint if known else None),
            **more,
        )

    def _begun(self, worker: Worker) -> SeenWorker:
        """Rank n comes to node n, or as many nodes on as there are."""
        names = list(self.nodes)
        node = names[worker.rank % len(names)] if names else ""
        return SeenWorker(name=worker.name, attempt=worker.attempt, rank=worker.rank, since=self.now, node=node)


def _stored(status: RunStatus) -> RunStatus:
    """The status as it comes back from where it is kept."""
    return RunStatus.model_validate_json(status.model_dump_json(by_alias=True))


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """JSON merge patch (RFC 7396)."""
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key) or {}, value) if isinstance(value, Mapping) else value
    return merged
