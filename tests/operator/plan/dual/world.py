"""A world of parts that does whatever it is told, and a shell in it that carries out plans: faithfully, or only until it is killed.

Every look keeps the laws of a plan, and the status is read back from JSON each time, so nothing that counts can hide in memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tandem_operator.api.dual_run import DualBudgetSpec, DualRun, DualRunSpec
from tandem_operator.api.dual_status import DualRunStatus, LaneState, LaneStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.dual import acceptance
from tandem_operator.plan.dual.dual_run import plan
from tandem_operator.plan.dual.phases import UNDER_WAY
from tandem_operator.plan.dual.values import DualPlan, DualReport, DualSeen, Part, Role, SeenPart

from tests.operator.plan.dual.runs import T0, dual

TOTAL = 20


class World:
    """Parts as they really are, and the run as it is stored."""

    def __init__(self, run: DualRun) -> None:
        self.run, self.now = run, T0
        self.parts: dict[str, SeenPart] = {}
        self.done = self.failed = 0
        self.spent = Decimal(0)
        self.report: DualReport | None = None
        self.credentials = ""
        self.caps: dict[str, DualBudgetSpec] = {}
        self.problems: tuple[str, ...] = ()  # why the run is not accepted as it is written now

    def plan(self) -> DualPlan:
        """What is to be done at this moment."""
        seen = DualSeen(parts=tuple(self.parts.values()), report=self.report, credentials=self.credentials)
        return acceptance.held_back(self.run, self.problems, seen, self.now) if self.problems else plan(self.run, seen, self.now)

    def look(self, *, killed: bool = False) -> DualPlan:
        """Plan, and carry the plan out: stop, start, status. A shell that is killed comes no further than its first start."""
        made = self.plan()
        assert made == self.plan(), "the same question has two answers"
        self._keeps_the_laws(made)
        for name in made.stop:
            self.parts[name] = replace(self.parts[name], stopping=True)
        for part in made.start[:1] if killed else made.start:
            self._begin(part)
        if not killed:
            status = DualRunStatus.model_validate_json(made.status.model_dump_json(by_alias=True))
            self.run = self.run.model_copy(update={"status": status})
        return made

    def settle(self) -> DualPlan:
        """Look until nothing is left to do at this moment."""
        return [self.look() for _ in range(12)][-1]

    def live(self, *roles: Role) -> list[SeenPart]:
        return [part for part in self.parts.values() if part.live and (not roles or part.role in roles)]

    def up(self) -> None:
        """Whoever was started answers, and whoever was asked to leave has left, until nothing changes at this moment."""
        for _ in range(12):
            self.look()
            self.leave()
            self.ready()
            self.tell()

    def ready(self) -> None:
        for part in self.live():
            self.parts[part.name] = replace(part, ready=True)

    def leave(self, code: int = 143) -> None:
        for part in self.live():
            if part.stopping:
                self.end(part.name, code)

    def end(self, name: str, code: int, message: str = "") -> None:
        self.parts[name] = replace(self.parts[name], exit_code=code, until=self.now, message=message, ready=False)

    def kill(self, slot: str, code: int = 137) -> None:
        """Whatever lives in a slot ends."""
        for part in self.live():
            if part.slot == slot:
                self.end(part.name, code, "no luck")

    def answer(self, count: int, *, failed: int = 0, usd: str = "0") -> None:
        """Some questions more, if anybody is there to answer them."""
        if all(any(part.ready for part in self.live(role)) for role in (Role.COORDINATOR, Role.WORKER)):
            self.done = min(self.done + count, TOTAL - self.failed)
            self.failed = min(self.failed + failed, TOTAL - self.done)
            self.spent += Decimal(usd)

    def tell(self) -> None:
        """The coordinator says how it stands, if it lives; it knows the budget that was written when it was started, and no other."""
        ready = [part.name for part in self.live(Role.COORDINATOR) if part.ready]
        if not ready:
            return
        budget, left = self.caps[ready[0]], TOTAL - self.done - self.failed
        limit = budget.usd
        broke = limit is not None and self.spent >= limit
        self.report = DualReport(
            at=self.now,
            total=TOTAL,
            done=self.done,
            failed=self.failed,
            spent_usd=self.spent,
            cap_usd=limit,
            eta_seconds=float(left),
            lanes=(LaneStatus(name="local", state=LaneState.READY, done=self.done),),
            reason="BudgetExhausted" if broke else "",
        )

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def edit(self, **spec: Any) -> None:
        """Somebody edits the spec."""
        old = self.run.spec.model_dump(by_alias=True, exclude_none=True, mode="json")
        metadata = self.run.metadata.model_copy(update={"generation": self.run.metadata.generation + 1})
        self.run = self.run.model_copy(update={"spec": DualRunSpec.model_validate({**old, **spec}), "metadata": metadata})

    def _begin(self, part: Part) -> None:
        assert part.name not in self.parts, f"{part.name} is started twice"
        self.caps[part.name] = self.run.spec.budget
        known = {"role": part.slot.role, "index": part.slot.index, "start": part.start}
        self.parts[part.name] = SeenPart(name=part.name, since=self.now, **known)

    def _keeps_the_laws(self, made: DualPlan) -> None:
        assert not list(self._broken(made))

    def _broken(self, made: DualPlan) -> Iterator[str]:
        before, after = self.run.status, made.status
        written = {f"{self.run.name}-{part.name}-{part.start}" for part in before.parts}
        live = {part.slot for part in self.live()}
        for part in made.start:
            if part.name not in written:
                yield f"{part.name} starts before its number is written"
            if part.slot.name in live:
                yield f"{part.name} starts beside another of its slot"
        if made.start and (after.phase not in UNDER_WAY or self.problems):
            yield f"parts start in {after.phase}, in spite of {self.problems}"
        if self.problems and after.phase in UNDER_WAY and written.intersection(made.stop):
            yield f"{made.stop} are to leave, and nobody may take their places"
        roles = {self.parts[name].role for name in made.stop}
        later = [part.role for part in self.live() for role in roles if list(Role).index(part.role) > list(Role).index(role)]
        if after.phase not in UNDER_WAY and later:
            yield f"{roles} are stopped before {later}"
        if before.phase.terminal and (before.phase, before.reason, before.finished_at) != (after.phase, after.reason, after.finished_at):
            yield "a run that is over has changed"
        if after.attempt < before.attempt or after.spent_usd < before.spent_usd:
            yield "a count has fallen"


def running(**spec: object) -> World:
    """A run whose parts are all up."""
    world = World(dual(**spec))
    world.up()
    assert world.run.status.phase is RunPhase.RUNNING
    return world


def standing(world: World) -> tuple[RunPhase, str]:
    return world.run.status.phase, world.run.status.reason
