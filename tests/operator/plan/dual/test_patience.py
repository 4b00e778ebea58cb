"""Whether parts that are started wait for engines that are on their way: so that nobody is asked in vain, or paid in their place."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.dual.dual_run import plan
from tandem_operator.plan.dual.values import DualSeen, Role
from tandem_operator.plan.values import Tier, Waiting

from tests.operator.plan.dual.runs import CLOUD, LOCAL
from tests.operator.plan.dual.world import World, running

OWN_CLOUD = {"name": "cloud", "kind": "Cloud", "engine": {"model": "models/large"}}


def all_killed(world: World) -> None:
    """All parts, and whoever acts for the run; a while later somebody does again."""
    for part in world.live():
        world.end(part.name, 137)
    world.wait(1)
    world.settle()


def on_their_way(world: World) -> list[str]:
    return sorted(part.slot for part in world.live() if not part.ready)


def up(world: World, *slots: str) -> None:
    """These answer from now on."""
    for part in world.live():
        if part.slot in slots:
            world.parts[part.name] = replace(part, ready=True)
    world.settle()


@pytest.mark.parametrize("lanes", [[CLOUD, LOCAL], [OWN_CLOUD, {**LOCAL, "engine": {"model": "models/local"}}]])
def test_a_run_that_was_killed_as_a_whole_waits_for_its_engines_as_at_the_first_start(lanes: list[dict[str, object]]) -> None:
    """For each of them: with one lane up before the other, it would answer all alone, and may be the one that is paid."""
    world = running(lanes=lanes)
    all_killed(world)
    assert on_their_way(world) == ["engine-0", "engine-1"]
    world.wait(10)
    up(world, "engine-0")
    assert on_their_way(world) == ["engine-1"]
    up(world, "engine-1")
    assert on_their_way(world) == ["coordinator-0"]
    up(world, "coordinator-0")
    assert on_their_way(world) == ["worker-0", "worker-1"]
    assert world.run.status.phase is RunPhase.RUNNING


def test_the_other_lane_does_not_wait_for_ever() -> None:
    """An engine that is lost for good, as with its machine, holds it up for two minutes; that moment is not overslept."""
    world = running()
    all_killed(world)
    world.wait(119)
    assert world.settle().look_again == timedelta(seconds=1)
    assert on_their_way(world) == ["engine-0", "engine-1"]
    world.wait(1)
    world.settle()
    assert on_their_way(world) == ["coordinator-0", "engine-0", "engine-1"]
    up(world, "coordinator-0")
    assert on_their_way(world) == ["engine-0", "engine-1", "worker-0", "worker-1"]


def test_whoever_kills_a_run_again_and_again_kills_its_engines_with_it() -> None:
    """That is no sign that they cannot live, so they are waited for all the same."""
    world = running()
    for _ in range(4):
        all_killed(world)
        world.wait(60)
        world.settle()
        assert on_their_way(world) == ["engine-0", "engine-1"]
        world.up()


@pytest.mark.parametrize("code", [1, 143])
def test_engines_that_fall_by_themselves_are_not_waited_for(code: int) -> None:
    """Twice in a row, with nobody else; for a moment each time they live, or they would hold up the other lane for ever."""
    world = running()
    all_killed(world)
    for _ in range(2):
        assert not world.live(Role.COORDINATOR)
        for engine in world.live(Role.ENGINE):
            world.end(engine.name, code)
        world.settle()
        world.wait(5)
        world.settle()
    assert "coordinator-0" in on_their_way(world)


@pytest.mark.parametrize(("lanes", "back"), [([CLOUD, LOCAL], ["worker-0", "worker-1"]), ([LOCAL], [])])
def test_a_lane_by_address_is_asked_while_the_engines_of_the_other_are_on_their_way(
    lanes: list[dict[str, object]], back: list[str]
) -> None:
    """Workers and engines are lost, and the coordinator is not: workers are back at once, unless there is nobody else to ask."""
    world = running(lanes=lanes)
    for slot in ("engine-0", "engine-1", "worker-0", "worker-1"):
        world.kill(slot)
    world.settle()
    world.wait(1)
    world.settle()
    assert on_their_way(world) == ["engine-0", "engine-1", *back]
    up(world, "engine-1")
    assert on_their_way(world) == ["engine-0", "worker-0", "worker-1"]


def test_a_coordinator_whose_workers_live_waits_for_no_engine() -> None:
    """Workers are at work, and would stand still without it."""
    world = running()
    for slot in ("engine-0", "coordinator-0"):
        world.kill(slot)
    world.settle()
    world.wait(1)
    world.settle()
    assert on_their_way(world) == ["coordinator-0", "engine-0"]


def test_an_engine_that_may_not_start_is_not_waited_for() -> None:
    """Nobody knows when it may."""
    world = running()
    all_killed(world)
    for name in [part.name for part in world.live(Role.ENGINE)]:
        del world.parts[name]
    refused = Waiting(tier=Tier.QUOTA, message="no card is left")
    made = plan(world.run, DualSeen(parts=tuple(world.parts.values()), report=world.report, refused=refused), world.now)
    assert "coordinator-0" in {part.slot.name for part in made.start}
