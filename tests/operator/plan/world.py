"""A world that does whatever it is told, and a shell that carries out plans in it: faithfully, or only until it is killed.

No cluster, no mocks, no real time. Every look keeps the laws, in a world that the checker found possible; the status is
read back from JSON each time, so nothing that counts can hide in memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from tandem_operator.api.placement import Spot
from tandem_operator.api.status import CheckpointStatus, RunStatus
from tandem_operator.api.training_run import TrainingRun, TrainingRunSpec
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Plan, Report, Seen, SeenNode, SeenWorker, Tier, Waiting, Worker

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


_NO_CAPACITY = Waiting(tier=Tier.NO_CAPACITY)


@dataclass(frozen=True, slots=True)
class Room:
    """Machines for so many workers, and of them so many spot machines; what `others` wait for. Endless when not said."""

    workers: int | None = None
    spot: int | None = None
    others: Waiting = _NO_CAPACITY

    def left(self, placed: Iterable[Spot], wish: Spot) -> bool:
        """Whether a machine is left for a worker with a `wish`, where those of `placed` have theirs."""
        all_of_them = list(placed)
        spot_left = wish is not Spot.REQUIRE or self.spot is None or all_of_them.count(Spot.REQUIRE) < self.spot
        return spot_left and (self.workers is None or len(all_of_them) < self.workers)


class World:
    """Workers, nodes and reports as they really are, and the run as it is stored."""

    def __init__(self, run: TrainingRun, nodes: Iterable[SeenNode] = ()) -> None:
        self.run, self.now = run, START
        self.nodes = {node.name: node for node in nodes}
        self.workers: dict[str, SeenWorker] = {}
        self.wishes: dict[str, Spot] = {}
        self.room = Room()
        self.slow: Waiting | None = None
        self.silent: set[str] = set()
        self.once_silent: set[str] = set()
        self.report: Report | None = None
        self.killed = self.waits = False

    def seen(self) -> Seen:
        seen = Seen(workers=tuple(self.workers.values()), nodes=tuple(self.nodes.values()), report=self.report)
        checker.check(self.run, seen, self.now)
        return seen

    @property
    def attempt(self) -> int:
        """The newest attempt: the first may have been started and not be written yet."""
        return max([self.run.status.attempt, *(worker.attempt for worker in self.workers.values())])

    def live(self) -> list[SeenWorker]:
        return [worker for worker in self.workers.values() if worker.live]

    def look(self, killed: Killed = Killed.NEVER) -> Plan:
        """Plan, and carry the plan out in its order: stop, start, status. A status that can wait does so once, and so do its events."""
        seen = self.seen()
        made = plan(self.run, seen, self.now)
        assert made == plan(self.run, seen, self.now), "the same question has two answers"
        laws.keep(self.run, seen, self.now, made)
        self.killed = killed.in_time(made)
        for name in made.stop:
            self.ask(name)
        if self.killed and killed is Killed.AFTER_STOP:
            return made
        for worker in made.start[:1] if killed is Killed.AFTER_FIRST_START else made.start:
            self._begin(worker)
        self.waits = made.can_wait and not self.waits
        if not self.killed:
            self._ask_to_save(made)
        if not self.killed and not self.waits:
            self.run = self.run.model_copy(update={"status": _stored(made.status)})
        self._one_attempt_lives()
        return replace(made, events=()) if self.waits else made

    def settle(self, looks: int = 8) -> Plan:
        """Look until nothing is left to do at this moment."""
        return [self.look() for _ in range(looks)][-1]

    def wait(self, length: timedelta) -> None:
        self.now += length

    def end(self, name: str, code: int, message: str = "", *, disrupted: bool = False) -> None:
        """A worker exits; one that has no machine yet is simply gone."""
        worker = self.workers[name]
        if worker.placed:
            ended = {"exit_code": code, "until": self.now, "message": message, "disrupted": disrupted or worker.disrupted, "waiting": None}
            self.workers[name] = replace(worker, **ended)
        else:
            self.vanish(name)
        self._place()

    def leave(self, code: int = 143) -> None:
        """Everybody who was asked to leave, and hears it, does."""
        for worker in self.live():
            if worker.stopping:
                self.end(worker.name, code)

    def vanish(self, name: str) -> None:
        """A worker is gone without a word, dead or alive."""
        del self.workers[name]

    def ask(self, name: str) -> None:
        """A worker is asked to leave; what is left of one that ended is cleared away."""
        if self.workers[name].exit_code is None:
            self.workers[name] = replace(self.workers[name], stopping=True)
        else:
            self.vanish(name)

    def silence(self, node: str) -> None:
        """A node is not heard of any more, and with it its workers."""
        self.silent.add(node)
        self._mark_silence()

    def hear(self, node: str) -> None:
        """A node is heard of again."""
        self.silent.discard(node)
        self._mark_silence()
        self._place()

    def cordon(self, node: str, *, cordoned: bool = True) -> None:
        """A node takes no more workers, or takes them again."""
        self.nodes[node] = replace(self.nodes[node], cordoned=cordoned)
        self._place()

    def make_room(self, room: Room) -> None:
        """More or fewer machines: whoever waits for one and finds one is placed."""
        self.room = room
        self._place()

    def slow_down(self, waiting: Waiting | None) -> None:
        """What workers wait for that have a machine and are not up; None lets all of them come up."""
        self.slow = waiting
        for worker in self.live():
            if worker.placed and worker.waiting:
                self.workers[worker.name] = replace(worker, waiting=waiting)

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
        attempt = more.pop("attempt", self.attempt)
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

    def _ask_to_save(self, made: Plan) -> None:
        for worker in self.live():
            if (worker.attempt, worker.rank, worker.spare, worker.stopping) == (made.status.attempt, 0, False, False):
                self.workers[worker.name] = replace(worker, asked=made.save)

    def _begin(self, worker: Worker) -> None:
        place = {"name": worker.name, "attempt": worker.attempt, "rank": worker.rank, "spare": worker.spare}
        self.workers[worker.name] = SeenWorker(**place, since=self.now, waiting=self.room.others)
        self.wishes[worker.name] = worker.spot
        self._place()

    def _place(self) -> None:
        """Give machines to those who wait for one, as far as there is room: rank n on node n, or as many nodes on as there are."""
        names = [node.name for node in self.nodes.values() if not node.cordoned and node.name not in self.silent]
        for worker in [worker for worker in self.live() if not worker.placed]:
            placed = [self.wishes[other.name] for other in self.live() if other.placed]
            if self.room.left(placed, self.wishes[worker.name]) and (names or not self.nodes):
                node = names[worker.rank % len(names)] if names else ""
                self.workers[worker.name] = replace(worker, since=self.now, node=node, waiting=self.slow)
            else:
                self.workers[worker.name] = replace(worker, waiting=self.room.others)

    def _mark_silence(self) -> None:
        for worker in self.workers.values():
            if worker.exit_code is None and worker.placed:
                self.workers[worker.name] = replace(worker, fenced=worker.node in self.silent)
                self.once_silent |= {worker.name} if worker.node in self.silent else set()

    def _one_attempt_lives(self) -> None:
        """Of those that were always heard of, all that live are of one attempt: no two ever write at the same time."""
        attempts = {worker.attempt for worker in self.live() if worker.name not in self.once_silent}
        assert len(attempts) <= 1, f"attempts {sorted(attempts)} live at the same time"


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
