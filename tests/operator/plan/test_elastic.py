"""Runs that go on with fewer workers, and grow again when there is room."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import elastic
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import SeenNode, Tier, Waiting

from .world import START, Room, World, run_of

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NODES = (SeenNode(name="n0"), SeenNode(name="n1"))


def _elastic(room: int | None, workers: int = 6, nodes: tuple[SeenNode, ...] = (), **spec: Any) -> World:
    """A run of six workers, of which one is enough, in a world with machines for `room` of them."""
    world = World(run_of(workers=workers, **{"minWorkers": 1, **spec}), nodes)
    world.make_room(Room(workers=room))
    world.settle()
    return world


def _shrunk(room: int, **more: Any) -> World:
    """The same after it has shrunk to what there was room for, and runs; its spares wait."""
    world = _elastic(room, **more)
    world.wait(30 * SECOND)
    _changed(world)
    return world


def _changed(world: World) -> None:
    """The attempt ends, everybody leaves, and the next one comes up."""
    world.look()
    world.leave()
    world.settle()


def _spares(world: World) -> list[str]:
    return [worker.name for worker in world.live() if worker.spare]


@pytest.mark.parametrize(("most", "size"), [(0, None), (1, None), (2, 2), (3, 3), (4, 3), (5, 3), (6, 6), (99, 6)])
def test_a_size_is_feasible_if_the_spec_allows_it_and_it_splits_every_batch_evenly(most: int, size: int | None) -> None:
    """Between two and six workers, four sequences each at once: 24 are 2, 3 or 6 workers' work, and never 4 or 5."""
    assert elastic.feasible(run_of(workers=6, minWorkers=2), most) == size


def test_any_size_is_feasible_for_a_program_of_ones_own_and_none_for_a_run_that_is_not_elastic() -> None:
    """How a script splits its batches is its own affair."""
    assert elastic.feasible(run_of(workers=6, minWorkers=1, trainer={"script": {"path": "/t.py"}}), 5) == 5
    assert elastic.feasible(run_of(workers=6), 6) is None


def test_a_run_shrinks_to_the_largest_size_that_found_machines_after_it_has_waited() -> None:
    """Five of six have one after thirty seconds: it goes on with three. Nothing counts against it, and nothing is waited for."""
    world = _elastic(5)
    world.wait(30 * SECOND - timedelta(milliseconds=1))
    assert world.look().status.phase is RunPhase.PENDING
    world.wait(timedelta(milliseconds=1))
    made = world.look()
    assert (made.status.phase, made.status.reason, made.status.next_workers) == (RunPhase.STOPPING, "Resized", 3)
    assert made.status.message == "machines for 5 of 6 workers: going on with 3"
    assert len(made.stop) == 6
    world.leave(1)
    made = world.look()
    status = made.status
    assert (status.phase, status.attempt, status.workers, status.next_workers) == (RunPhase.PENDING, 2, 3, None)
    assert (status.failures, status.preemptions, status.fell_at, status.start_after) == (0, 0, None, None)
    assert [worker.name for worker in world.look().start] == ["r-2-0", "r-2-1", "r-2-2"]
    assert world.settle().status.phase is RunPhase.RUNNING


def test_fewer_machines_than_the_fewest_workers_are_waited_for() -> None:
    """The run is not worth going on with: it says what it waits for."""
    world = _elastic(1, minWorkers=2)
    world.wait(timedelta(hours=1))
    status = world.settle().status
    assert (status.phase, status.workers) == (RunPhase.PENDING, 6)


def test_a_run_that_is_not_elastic_waits_for_all() -> None:
    """However long it takes."""
    world = World(run_of(workers=2))
    world.make_room(Room(workers=1))
    world.settle()
    world.wait(10 * SECOND)
    assert world.settle().look_again == MINUTE
    world.wait(timedelta(days=1))
    assert world.settle().status.phase is RunPhase.PENDING


def test_an_attempt_that_is_on_its_way_out_shrinks_no_more() -> None:
    """It waits for no machine, so no look is due for that."""
    world = _elastic(1)
    world.wait(10 * SECOND)
    assert world.look().look_again == 20 * SECOND
    world.edit(suspend=True)
    made = world.look()
    assert (made.status.phase, made.look_again) == (RunPhase.STOPPING, MINUTE)


def test_workers_that_only_start_slowly_are_no_reason_to_shrink() -> None:
    """They have their machines; what they wait for comes, or a person has to mend it."""
    world = World(run_of(workers=2, minWorkers=1))
    world.slow_down(Waiting(tier=Tier.IMAGE, placed=True))
    world.settle()
    world.wait(timedelta(hours=1))
    assert world.settle().status.phase is RunPhase.PENDING


def test_the_wait_begins_when_workers_are_started_not_in_the_backoff_before() -> None:
    """A minute of backoff is no minute that a worker waited for its machine."""
    world = World(run_of(workers=2, minWorkers=1, restart={"backoff": {"first": "1m"}}))
    world.settle()
    world.end("r-1-0", 1)
    world.look()
    world.leave()
    world.settle()
    world.make_room(Room(workers=1))
    world.wait(MINUTE)
    world.settle()
    world.wait(29 * SECOND)
    made = world.settle()
    assert (made.status.phase, made.look_again) == (RunPhase.PENDING, SECOND)
    world.wait(SECOND)
    assert world.look().status.reason == "Resized"


def test_nothing_is_decided_before_all_workers_were_started() -> None:
    """A shell that was away for a while starts the rest first: there may be room for them."""
    world = _elastic(2, workers=3)
    world.vanish("r-1-0")
    world.wait(MINUTE)
    made = world.look()
    assert (made.status.phase, [worker.name for worker in made.start]) == (RunPhase.PENDING, ["r-1-0"])


def test_workers_that_the_platform_refuses_are_like_workers_without_a_machine() -> None:
    """A quota lets one of two in; the other does not even exist. Its wait begins with the attempt, its backoff left out."""
    world = World(run_of(workers=2, minWorkers=1))
    world.make_room(Room(workers=1))
    world.settle()
    world.vanish("r-1-1")
    refused = replace(world.seen(), refused=Waiting(tier=Tier.QUOTA))
    early, late = (plan(world.run, refused, START + after * SECOND).status for after in (29, 30))
    assert (early.phase, late.reason, late.next_workers) == (RunPhase.PENDING, "Resized", 1)
    assert plan(world.run, refused, START + 29 * SECOND).look_again == SECOND
    waited = world.run.model_copy(update={"status": world.run.status.model_copy(update={"start_after": START + 10 * SECOND})})
    assert plan(waited, refused, START + 39 * SECOND).status.phase is RunPhase.PENDING
    assert plan(waited, refused, START + 40 * SECOND).status.reason == "Resized"
    timeless = world.run.model_copy(update={"status": world.run.status.model_copy(update={"pending_since": None})})
    assert plan(timeless, refused, START + 40 * SECOND).status.phase is RunPhase.PENDING


def test_a_smaller_run_keeps_a_spare_for_every_worker_it_lacks() -> None:
    """Spares are told nothing, ask for the same machines, are started once, and count for nothing."""
    world = _elastic(3, placement={"spot": "Require"})
    world.wait(30 * SECOND)
    world.look()
    world.leave()
    world.look()
    world.look()
    made = world.look()
    assert [(worker.name, worker.spare, worker.spot, worker.environment) for worker in made.start] == [
        (f"r-2-{rank}", True, "Require", {}) for rank in (3, 4, 5)
    ]
    assert (made.status.phase, made.status.workers) == (RunPhase.RUNNING, 3)
    made = world.look()
    assert (made.start, made.status.phase) == ((), RunPhase.RUNNING)
    for name in ("r-2-0", "r-2-1", "r-2-2"):
        world.end(name, 0)
    made = world.look()
    assert (made.status.phase, made.stop) == (RunPhase.SUCCEEDED, ("r-2-3", "r-2-4", "r-2-5"))


def test_the_end_of_a_spare_interrupts_nothing_and_another_takes_its_place_after_a_while() -> None:
    """Evicted, gone, failed or on a machine that is not heard of: the run runs on."""
    world = _shrunk(3, nodes=NODES)
    world.make_room(Room(workers=4))
    assert world.look().status.phase is RunPhase.RUNNING
    world.wait(SECOND)
    world.disrupt("r-2-3")
    assert world.look().status.phase is RunPhase.RUNNING
    world.end("r-2-3", 93)
    world.vanish("r-2-4")
    made = world.look()
    assert (made.status.phase, made.stop, [worker.name for worker in made.start]) == (RunPhase.RUNNING, (), ["r-2-4"])
    world.wait(elastic.AGAIN_AFTER - SECOND)
    made = world.look()
    assert (made.stop, made.look_again) == ((), SECOND)
    world.wait(SECOND)
    assert world.look().stop == ("r-2-3",)
    assert [worker.name for worker in world.look().start] == ["r-2-3"]


def test_a_spare_whose_end_nobody_knows_is_cleared_away_after_its_beginning() -> None:
    """It ended no sooner than it began."""
    world = _shrunk(1, workers=2)
    world.workers["r-2-1"] = replace(world.workers["r-2-1"], exit_code=1, waiting=None)
    world.wait(elastic.AGAIN_AFTER - SECOND)
    assert world.look().stop == ()
    world.wait(SECOND)
    assert world.look().stop == ("r-2-1",)


def test_a_run_grows_as_soon_as_its_spares_hold_the_machines_of_a_larger_size() -> None:
    """One or two more than three are no size; with three more all six train, and the spares have left with the attempt."""
    world = _shrunk(3, nodes=NODES)
    world.make_room(Room(workers=5))
    assert world.look().status.phase is RunPhase.RUNNING
    world.make_room(Room(workers=6))
    made = world.look()
    assert (made.status.phase, made.status.reason, made.status.message) == ("Stopping", "Resized", "there is room for 6 workers")
    assert (made.status.next_workers, len(made.stop)) == (6, 6)
    world.leave()
    made = world.look()
    assert (made.status.workers, made.status.growing) == (6, True)
    world.settle()
    status = world.run.status
    assert (status.phase, status.workers, status.attempt, status.growing, status.preemptions) == (RunPhase.RUNNING, 6, 3, False, 0)
    assert _spares(world) == []


@pytest.mark.parametrize("what", ["cordon", "notice", "ask", "silence"])
def test_a_machine_that_is_about_to_go_is_no_room(what: str) -> None:
    """A spare on it may be sent away before the larger attempt comes up."""
    world = _shrunk(1, workers=2, nodes=NODES)
    match what:
        case "cordon":
            world.nodes["n1"] = replace(NODES[1], cordoned=True)
        case "notice":
            world.notice("n1", "going")
        case "silence":
            world.silent.add("n1")
        case _:
            world.ask("r-2-1")
    world.workers["r-2-1"] = replace(world.workers["r-2-1"], waiting=None, node="n1", fenced=what == "silence")
    world.once_silent.add("r-2-1")
    made = world.look()
    assert made.status.phase is RunPhase.RUNNING
    assert made.stop == (("r-2-1",) if what == "silence" else ())


def test_where_growing_came_to_nothing_it_is_not_tried_again_for_ten_minutes() -> None:
    """The room was lost to others between the end of the smaller attempt and the start of the larger one."""
    world = _shrunk(1, workers=2)
    world.make_room(Room(workers=2))
    world.look()
    world.leave()
    world.make_room(Room(workers=1))
    world.settle()
    world.wait(30 * SECOND)
    made = world.look()
    assert made.status.grow_after == world.now + elastic.AGAIN_AFTER
    world.leave()
    world.settle()
    world.make_room(Room())
    assert (world.run.status.phase, world.run.status.workers, _spares(world)) == (RunPhase.RUNNING, 1, [])
    world.wait(elastic.AGAIN_AFTER - SECOND)
    made = world.look()
    assert (_spares(world), made.look_again) == ([], SECOND)
    world.wait(SECOND)
    world.look()
    assert _spares(world) == ["r-4-1"]
    _changed(world)
    assert (world.run.status.phase, world.run.status.workers) == (RunPhase.RUNNING, 2)


def test_only_growing_that_failed_is_put_off() -> None:
    """A larger attempt that came up and lost a machine later grows again at once."""
    world = _shrunk(1, workers=2)
    world.make_room(Room())
    _changed(world)
    world.make_room(Room(workers=1))
    world.end("r-3-1", 143)
    _changed(world)
    world.wait(30 * SECOND)
    made = world.look()
    assert (made.status.reason, made.status.grow_after) == ("Resized", None)
    world.leave()
    world.settle()
    assert _spares(world) == ["r-5-1"]


def test_a_spec_that_was_changed_is_for_the_next_attempt_and_decides_which_spares_there_are() -> None:
    """Fewer workers need fewer spares; a run that is elastic no more needs none, and goes on with all from the next attempt on."""
    world = _shrunk(1)
    world.edit(workers=3)
    assert world.look().stop == ("r-2-3", "r-2-4", "r-2-5")
    world.edit(minWorkers=None)
    assert world.look().stop == ("r-2-1", "r-2-2")
    world.leave()
    assert (world.look().status.workers, _spares(world)) == (1, [])
    world.make_room(Room())
    world.end("r-2-0", 143)
    assert world.look().status.workers == 3


def test_a_size_that_the_spec_no_longer_allows_is_not_taken() -> None:
    """Edited while the workers leave: the fewest are more than what was decided on."""
    world = _elastic(2)
    world.wait(30 * SECOND)
    assert world.look().status.next_workers == 2
    world.edit(minWorkers=3)
    world.leave()
    assert world.look().status.workers == 6


def test_spares_wait_until_nothing_of_an_old_attempt_lives() -> None:
    """Nothing at all begins before it."""
    world = _shrunk(1, workers=2, nodes=NODES)
    world.vanish("r-2-1")
    world.workers["r-1-1"] = replace(world.workers["r-2-0"], name="r-1-1", attempt=1, rank=1, stopping=True)
    world.once_silent.add("r-1-1")
    assert world.look().start == ()
    world.leave()
    assert [worker.name for worker in world.look().start] == ["r-2-1"]


def test_steps_that_were_lost_to_a_change_of_size_are_counted() -> None:
    """It was asked to save, and could not: 17 steps, and it goes on from 10."""
    world = _shrunk(1, workers=2)
    world.tell(17, resumed_from=0, checkpoint=10)
    world.look()
    world.make_room(Room())
    _changed(world)
    world.tell(10, resumed_from=10)
    assert world.look().status.lost_steps == 7


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 7), st.booleans())
def test_a_punctual_shell_comes_to_rest_at_the_best_size_there_is_room_for(least: int, room: int, late: bool) -> None:  # noqa: FBT001 -- drawn
    """And does not waver: in hours, with as much room as there is, no more than three attempts."""
    world = World(run_of(workers=6, minWorkers=least))
    world.make_room(Room(workers=room // 2 if late else room))
    while world.now < START + 120 * MINUTE:
        if late and world.now > START + 60 * MINUTE:
            world.make_room(Room(workers=room))
        made = world.look()
        world.leave()
        world.wait(made.look_again or MINUTE)
    best = elastic.feasible(world.run, room)
    status = world.run.status
    assert (status.phase, status.workers) == ((RunPhase.RUNNING, best) if best else (RunPhase.PENDING, 6))
    assert status.attempt <= 3
