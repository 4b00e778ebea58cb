"""Why a DualRun does not answer yet, in one reason and the platform's own words."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tandem_operator.api.status import Condition, RunPhase
from tandem_operator.plan.dual.dual_run import plan
from tandem_operator.plan.dual.values import DualPlan, DualSeen
from tandem_operator.plan.values import Tier, Waiting

from tests.operator.plan.dual.runs import CLOUD, dual
from tests.operator.plan.dual.world import World

FULL = Waiting(tier=Tier.NO_CAPACITY, message="0/3 nodes are available:\n3 Insufficient cpu.")


def world_of(**spec: object) -> World:
    """A run without engines, whose coordinator was started."""
    world = World(dual(lanes=[CLOUD], **spec))
    world.settle()
    return world


def look(world: World, refused: Waiting | None = None) -> DualPlan:
    return plan(world.run, DualSeen(parts=tuple(world.parts.values()), report=world.report, refused=refused), world.now)


def scheduled(world: World, refused: Waiting | None = None) -> Condition:
    (found,) = [each for each in look(world, refused).status.conditions if each.type == "Scheduled"]
    return found


def waits(world: World, slot: str, waiting: Waiting) -> None:
    """Whatever lives in a slot waits for this."""
    (part,) = [part for part in world.live() if part.slot == slot]
    world.parts[part.name] = replace(part, waiting=waiting, ready=False)


def test_a_part_without_a_machine_is_said_with_the_schedulers_words() -> None:
    """The tier is the reason, and an event tells it once."""
    world = world_of()
    waits(world, "coordinator-0", FULL)
    found = scheduled(world)
    assert (found.status, found.reason) == ("False", "NoCapacity")
    assert found.message == "1 of 3 parts waits: pair-coordinator-0-1: 0/3 nodes are available: 3 Insufficient cpu."
    assert [(event.kind, event.reason, event.message) for event in world.look().events] == [("Normal", "NoCapacity", found.message)]
    assert not world.look().events


@pytest.mark.parametrize("phase", [RunPhase.PENDING, RunPhase.RUNNING])
def test_the_worst_is_said_also_while_others_answer(phase: RunPhase) -> None:
    """A part whose machine was lost may wait for another one for long: a run that runs says so, too."""
    world = world_of()
    world.up()
    if phase is RunPhase.PENDING:
        world.edit(suspend=True)
        world.up()
        world.edit(suspend=False)
        world.settle()
        world.ready()
        world.settle()
    assert world.run.status.phase is phase
    waits(world, "worker-0", FULL)
    waits(world, "worker-1", Waiting(tier=Tier.MISCONFIGURED, message="ErrImagePull: no such image", placed=True))
    found = scheduled(world)
    assert (found.status, found.reason) == ("False", "Misconfigured")
    assert found.message.startswith("2 of 3 parts wait: pair-worker-1-")
    assert world.look().events[0].kind == "Warning"


def test_parts_that_are_refused_are_said() -> None:
    """A quota, in the API server's words."""
    found = scheduled(world_of(), Waiting(tier=Tier.QUOTA, message="exceeded quota: team"))
    assert (found.status, found.reason, found.message) == ("False", "WaitingForQuota", "parts are refused: exceeded quota: team")


def test_what_only_starts_is_held_up_by_nothing() -> None:
    """First parts are started, then all have their machines, then all are up."""
    world = World(dual(lanes=[CLOUD]))
    said = [(scheduled(world).status, scheduled(world).reason)]
    world.settle()
    waits(world, "coordinator-0", Waiting(tier=Tier.START, placed=True))
    said.append((scheduled(world).status, scheduled(world).reason))
    world.ready()
    world.settle()
    said.append((scheduled(world).status, scheduled(world).reason))
    world.ready()
    world.settle()
    said.append((scheduled(world).status, scheduled(world).reason))
    assert said == [("False", "Starting"), ("False", "Starting"), ("True", "AllPartsPlaced"), ("True", "AllPartsUp")]
    world.edit(suspend=True)
    world.up()
    assert (scheduled(world).status, scheduled(world).reason) == ("False", "Suspended")


def test_a_wait_of_ours_and_a_part_that_does_not_leave_are_said() -> None:
    """A coordinator that fell waits; one that was replaced and stays is in its successor's way."""
    world = world_of()
    world.kill("coordinator-0")
    world.settle()
    found = scheduled(world)
    assert (found.reason, found.message) == ("BackingOff", "coordinator-0 starts at 12:00:01 UTC")
    world.wait(1)
    world.settle()
    world.edit(budget={"usd": 1.0, "onExhausted": "Fail"})
    world.settle()
    found = scheduled(world)
    assert (found.reason, found.message) == ("WaitingForOldStart", "part pair-coordinator-0-2 of an earlier start has not left yet")
    assert look(world).look_again == timedelta(minutes=1)
