"""Which machines an attempt asks for, and when it takes others."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.preview import preview
from tandem_operator.plan.values import Tier, Waiting

from .world import Room, World, run_of

MINUTE = timedelta(minutes=1)
LATER = {"spot": "Prefer", "onDemandAfter": "2m"}


def _waiting(tier: Tier = Tier.NO_CAPACITY, workers: int = 1, **spec: Any) -> World:
    """No spot machine anywhere."""
    world = World(run_of(workers=workers, **{"placement": LATER, **spec}))
    world.make_room(Room(spot=0, others=Waiting(tier=tier)))
    world.settle()
    return world


def _waits_on(world: World, attempt: int = 1) -> bool:
    """Whether nothing is left to do but to wait, in an attempt that goes on, and no look is due for it."""
    made = world.settle()
    return (made.status.phase, made.status.attempt, made.look_again) == (RunPhase.PENDING, attempt, MINUTE)


@pytest.mark.parametrize(
    ("placement", "capacity", "spot"),
    [
        ({}, "", "Prefer"),
        ({"spot": "Prefer"}, "", "Prefer"),
        (LATER, "Spot", "Require"),
        ({"onDemandAfter": "0s"}, "Spot", "Require"),
        ({"spot": "Require"}, "Spot", "Require"),
        ({"spot": "Never"}, "OnDemand", "Never"),
    ],
)
def test_an_attempt_asks_for_what_the_spec_prefers(placement: dict[str, str], capacity: str, spot: str) -> None:
    """The status says it in the platform's words, and every worker is started with it. `tandem plan` shows the same."""
    world = World(run_of(workers=2, placement=placement))
    shown = preview(world.run, hours=Decimal(1)).workers
    made = world.look()
    assert made.status.capacity == capacity
    assert [worker.spot for worker in made.start] == [spot, spot]
    assert made.start == shown


@pytest.mark.parametrize("tier", [Tier.NO_CAPACITY, Tier.QUOTA, Tier.NODE])
def test_after_the_wait_for_spot_machines_any_machine_will_do(tier: Tier) -> None:
    """Not a moment sooner, and at no charge: no failure, no preemption, no backoff."""
    world = _waiting(tier)
    assert world.look().look_again == MINUTE
    world.wait(2 * MINUTE - timedelta(milliseconds=1))
    assert world.look().status.phase is RunPhase.PENDING
    world.wait(timedelta(milliseconds=1))
    made = world.look()
    assert (made.status.phase, made.status.reason, made.stop) == (RunPhase.STOPPING, "FellBack", ("r-1-0",))
    assert made.status.message == "no spot machine for 1 of 1 workers within spec.placement.onDemandAfter: any machine will do"
    world.leave()
    world.settle()
    status = world.run.status
    assert (status.phase, status.attempt, status.capacity) == (RunPhase.RUNNING, 2, "")
    assert (status.failures, status.preemptions, status.fell_at, status.start_after) == (0, 0, None, None)


@pytest.mark.parametrize("tier", [Tier.MISCONFIGURED, Tier.START])
def test_what_other_machines_would_not_mend_is_waited_for(tier: Tier) -> None:
    """A label that no machine has is as far away on demand."""
    world = _waiting(tier)
    world.wait(timedelta(hours=1))
    assert _waits_on(world)


@pytest.mark.parametrize("placement", [{"spot": "Require"}, {"spot": "Prefer"}, {"spot": "Never"}])
def test_without_a_wait_in_the_spec_there_is_no_other_choice(placement: dict[str, str]) -> None:
    """Require waits for ever, and so do Prefer and Never where there is no machine at all."""
    world = World(run_of(placement=placement))
    world.make_room(Room(workers=0))
    world.settle()
    world.wait(timedelta(days=1))
    assert _waits_on(world)


def test_machines_that_only_start_slowly_are_spot_machines_all_the_same() -> None:
    """Nothing is missing but time."""
    world = World(run_of(placement=LATER))
    world.slow_down(Waiting(tier=Tier.NODE, placed=True))
    world.settle()
    world.wait(timedelta(hours=1))
    assert _waits_on(world)


def test_an_attempt_that_takes_any_machine_does_not_fall_back_again() -> None:
    """There is nothing left to fall back to: it waits."""
    world = _waiting()
    world.wait(2 * MINUTE)
    world.look()
    world.leave()
    world.make_room(Room(workers=0))
    world.settle()
    world.wait(timedelta(hours=1))
    assert _waits_on(world, attempt=2)


def test_after_the_next_fall_spot_machines_are_tried_first_again() -> None:
    """A fall-back is for one attempt; so is a rest."""
    for fall in ("preempted", "suspended"):
        world = _waiting()
        world.wait(2 * MINUTE)
        world.look()
        world.leave()
        world.settle()
        assert world.run.status.capacity == ""
        if fall == "preempted":
            world.end("r-2-0", 143)
        else:
            world.edit(suspend=True)
            world.look()
            world.leave()
            world.look()
            world.edit(suspend=False)
        world.look()
        assert (world.run.status.attempt, world.run.status.capacity) == (3, "Spot")


def test_a_change_of_size_keeps_the_machines_that_were_fallen_back_to() -> None:
    """It is no fall: spot machines would be missing as before. What the spec says now still counts more."""
    for placement, capacity in (({}, ""), ({"spot": "Require", "onDemandAfter": None}, "Spot")):
        world = _waiting(workers=2, minWorkers=1)
        world.wait(2 * MINUTE)
        world.look()
        world.leave()
        world.make_room(Room(workers=1))
        world.settle()
        world.wait(MINUTE)
        assert world.look().status.reason == "Resized"
        world.edit(placement=placement)
        world.leave()
        world.look()
        assert (world.run.status.workers, world.run.status.capacity) == (1, capacity)


def test_a_run_that_could_shrink_takes_all_its_workers_elsewhere_if_both_are_due() -> None:
    """A minute late, one of two has a spot machine: on-demand machines for both come before going on with one."""
    world = _waiting(workers=2, minWorkers=1)
    world.make_room(Room(spot=1))
    world.wait(2 * MINUTE)
    assert world.look().status.reason == "FellBack"


def test_a_change_of_size_does_not_end_the_wait_for_spot_machines() -> None:
    """The smaller attempt has its spot machine, and the larger one asks for more of them."""
    world = _waiting(workers=2, minWorkers=1)
    world.make_room(Room(spot=1))
    world.wait(MINUTE)
    assert world.look().status.reason == "Resized"
    world.leave()
    assert (world.look().status.workers, world.run.status.capacity) == (1, "Spot")


def test_a_wait_that_is_taken_out_of_the_spec_ends_nothing_more() -> None:
    """The edit reaches workers that wait by another attempt, and that one waits for ever for what it asks for."""
    for placement, capacity in (({"onDemandAfter": None}, ""), ({"onDemandAfter": None, "spot": "Require"}, "Spot")):
        world = _waiting()
        world.make_room(Room(workers=0))
        world.edit(placement=placement)
        world.look()
        world.leave()
        world.settle()
        assert (world.run.status.reason, world.run.status.capacity) == ("Edited", capacity)
        world.wait(timedelta(hours=1))
        assert _waits_on(world, attempt=2)


def test_an_attempt_that_rests_or_leaves_waits_for_no_machine() -> None:
    """No look is due for it."""
    world = _waiting()
    world.wait(MINUTE + MINUTE / 2)
    assert world.look().look_again == MINUTE / 2
    world.edit(suspend=True)
    made = world.look()
    assert (made.status.phase, made.look_again) == (RunPhase.STOPPING, MINUTE)
