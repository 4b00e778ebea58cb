"""What is still planned for a DualRun that has begun and is not accepted any more."""

from dataclasses import replace
from typing import Any

import pytest
from tandem_operator.api.status import Condition, RunPhase
from tandem_operator.plan.conditions import known
from tandem_operator.plan.dual.values import Role

from tests.operator.plan.dual.runs import CLOUD, LOCAL, dual
from tests.operator.plan.dual.world import TOTAL, World, running, standing

PROBLEMS = ("spec.lanes[0].apiKeyVariable: is wrong",)
ENGINES = [LOCAL]


def refuse(world: World, **spec: Any) -> None:
    """An edit that is not accepted, and all that follows from it at this moment."""
    world.problems = PROBLEMS
    world.edit(**(spec or {"lanes": [{**CLOUD, "apiKeyVariable": "OTHER"}, *world.run.spec.model_dump(by_alias=True)["lanes"][1:]]}))
    world.up()


def mend(world: World, **spec: Any) -> None:
    """An edit that is accepted, and all that follows from it."""
    world.problems = ()
    world.edit(**spec)
    world.up()
    world.wait(60)
    world.up()


def said(world: World, kind: str) -> Condition:
    found = known(world.run.status, kind)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "edit",
    [
        {"lanes": [{**CLOUD, "apiKeyVariable": "OTHER"}, LOCAL]},
        {"lanes": [CLOUD, {**LOCAL, "engine": {"model": "models/newer", "instances": 3}}]},
        {"checkpoint": {"uri": "file:///x"}},
        {"pod": {"cpu": "2"}, "workers": 1},
        {"workers": 3},
    ],
)
def test_it_goes_on_by_what_it_was_told(edit: dict[str, Any]) -> None:
    """Whatever the refused edit would change: nobody leaves, nobody comes, and questions are answered; nor is taking it back felt."""
    world = running()
    before, spec = {part.name for part in world.live()}, world.run.spec.model_dump(by_alias=True, exclude_none=True, mode="json")
    refuse(world, **edit)
    world.answer(3)
    world.wait(120)
    world.up()
    assert {part.name for part in world.live()} == before
    assert not [part for part in world.live() if part.stopping]
    assert (standing(world), world.run.status.done) == ((RunPhase.RUNNING, "PartsUp"), 3)
    assert (said(world, "Accepted").status, said(world, "Accepted").message) == ("False", PROBLEMS[0])
    assert said(world, "Scheduled").reason == "AllPartsUp"
    world.problems = ()
    world.run = world.run.model_copy(update={"spec": type(world.run.spec).model_validate(spec)})
    world.up()
    assert {part.name for part in world.live()} == before


def test_a_mended_edit_reaches_those_whom_it_concerns() -> None:
    """Only then are they replaced, each by one start."""
    world = running()
    refuse(world)
    mend(world, lanes=[{**CLOUD, "apiKeyVariable": "RIGHT"}, LOCAL])
    starts = {part.slot: part.start for part in world.live()}
    assert starts == {"engine-0": 1, "engine-1": 1, "coordinator-0": 2, "worker-0": 2, "worker-1": 2}
    assert standing(world) == (RunPhase.RUNNING, "PartsUp")


def test_it_is_told_once_and_then_nothing_changes() -> None:
    """A second look at the same moment finds the very same status and nothing to tell."""
    world = running()
    world.problems = PROBLEMS
    world.edit(workers=3)
    first = world.look()
    assert [(event.kind, event.reason, event.message) for event in first.events] == [("Warning", "NotAccepted", PROBLEMS[0])]
    again = world.look()
    assert (again.events, again.status) == ((), first.status)


@pytest.mark.parametrize(
    ("wish", "phase", "reason"),
    [
        ({"suspend": True}, RunPhase.SUSPENDED, "SuspendRequested"),
        ({"budget": {"usd": 1, "onExhausted": "Suspend"}}, RunPhase.SUSPENDED, "BudgetExhausted"),
        ({"deadline": "1s"}, RunPhase.FAILED, "DeadlineExceeded"),
    ],
)
def test_wishes_are_heeded_that_come_with_a_mistake(wish: dict[str, Any], phase: RunPhase, reason: str) -> None:
    """It is not paid for any longer than somebody wants."""
    world = running()
    world.answer(1, usd="2")
    world.wait(1)
    refuse(world, **wish)
    assert standing(world) == (phase, reason)
    assert not world.live()


def test_a_part_that_dies_is_missed_and_comes_back_once_the_edit_is_mended() -> None:
    """The others go on without it, which is said; its fall is counted then, once."""
    world = running()
    refuse(world)
    world.kill("worker-1")
    world.up()
    found = said(world, "Scheduled")
    assert (found.status, found.reason) == ("False", "NotAccepted")
    assert found.message == "1 of 5 parts are not there and not started until the run is accepted: worker-1"
    world.answer(3)
    world.wait(3600)
    world.up()
    assert (standing(world), world.run.status.done) == ((RunPhase.RUNNING, "PartsUp"), 3)
    world.problems = ()
    world.settle()
    assert {part.name: part.failures for part in world.run.status.parts}["worker-1"] == 1
    mend(world)
    assert {part.slot: part.start for part in world.live()}["worker-1"] == 2
    assert said(world, "Scheduled").status == "True"


@pytest.mark.parametrize(
    ("slots", "lanes", "named"),
    [
        (["coordinator-0"], [CLOUD, LOCAL], "coordinator-0 is"),
        (["worker-0", "worker-1"], [CLOUD, LOCAL], "worker-0, worker-1 are"),
        (["engine-0", "engine-1"], ENGINES, "engine-0, engine-1 are"),
    ],
)
def test_once_nobody_answers_the_others_leave_and_it_rests(slots: list[str], lanes: list[dict[str, Any]], named: str) -> None:
    """They would be paid for, and nobody would count what they cost. It goes on once it is accepted, its questions where they were."""
    world = running(lanes=lanes)
    world.answer(3)
    world.tell()
    refuse(world, pod={"cpu": "2"})
    for slot in slots:
        world.kill(slot)
    warned = [event.message for event in world.look().events]
    assert warned == [f"{named} not there, and nothing is started until the run is accepted"]
    left: list[Role] = []
    while world.live():
        left += dict.fromkeys(world.parts[name].role for name in world.look().stop)
        world.leave()
    assert left == sorted(left, key=list(Role).index, reverse=True)
    world.up()
    assert standing(world) == (RunPhase.SUSPENDED, "NotAccepted")
    assert world.run.status.message == warned[0]
    mend(world, pod={"cpu": "3"})
    assert (standing(world), world.run.status.attempt, world.run.status.done) == ((RunPhase.RUNNING, "PartsUp"), 2, 3)


def test_engines_that_are_gone_are_missed_while_another_lane_carries_on() -> None:
    """Its questions come to their end, if more slowly."""
    world = running()
    refuse(world)
    world.kill("engine-0")
    world.kill("engine-1")
    world.up()
    assert (standing(world), said(world, "Scheduled").reason) == ((RunPhase.RUNNING, "PartsUp"), "NotAccepted")
    world.answer(TOTAL)
    world.up()
    assert standing(world) == (RunPhase.SUCCEEDED, "AllQuestionsAnswered")


def test_workers_that_are_done_leave_a_run_that_has_succeeded() -> None:
    """That nobody answers any more is no reason to rest where nothing is left to answer, though the coordinator says so last."""
    world = running()
    refuse(world)
    world.answer(TOTAL)
    for slot in ("worker-0", "worker-1"):
        world.kill(slot, 0)
    world.look()
    world.tell()
    world.up()
    assert standing(world) == (RunPhase.SUCCEEDED, "AllQuestionsAnswered")


def _coming_up() -> World:
    """A run whose parts have all been started, and whose workers are not up yet."""
    world = World(dual())
    while not world.live(Role.WORKER):
        world.look()
        world.ready()
    for part in world.live(Role.WORKER):
        world.parts[part.name] = replace(part, ready=False)
    return world


def test_parts_that_come_up_may_do_so_if_all_are_there() -> None:
    """The run then runs; accepted again meanwhile, it does not go on saying that it is not."""
    world = _coming_up()
    world.problems = PROBLEMS
    world.edit(workers=3)
    assert (world.look().status.phase, world.run.status.reason, world.run.status.message) == (RunPhase.PENDING, "NotAccepted", PROBLEMS[0])
    world.problems = ()
    assert (world.look().status.phase, world.run.status.reason, world.run.status.message) == (RunPhase.PENDING, "Accepted", "")
    world = _coming_up()
    refuse(world, workers=3)
    assert standing(world) == (RunPhase.RUNNING, "PartsUp")


def test_parts_that_wait_for_others_leave_if_those_cannot_be_started() -> None:
    """Engines would stand there for nobody."""
    world = World(dual())
    world.settle()
    assert {part.role for part in world.live()} == {Role.ENGINE}
    refuse(world)
    assert (standing(world), world.live()) == ((RunPhase.SUSPENDED, "NotAccepted"), [])
    mend(world, lanes=[CLOUD, LOCAL])
    assert standing(world) == (RunPhase.RUNNING, "PartsUp")


def test_one_that_rests_begins_nothing_until_it_is_accepted() -> None:
    """Resumed by an edit that is refused, it says why it still rests."""
    world = running()
    world.edit(suspend=True)
    world.up()
    refuse(world, suspend=False, pod={"cpu": "2"})
    assert (standing(world), world.live()) == ((RunPhase.SUSPENDED, "NotAccepted"), [])
    assert world.run.status.message == "nothing is started until the run is accepted"
    assert world.run.status.attempt == 1
    mend(world)
    assert (standing(world), world.run.status.attempt) == ((RunPhase.RUNNING, "PartsUp"), 2)
