"""Runs that have shrunk keep spares, and grow again when those have found room."""

from dataclasses import replace

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import elastic

from .elastic_runs import NODES, SECOND, changed, elastic_run, shrunk, spares
from .world import Room


def test_a_smaller_run_keeps_a_spare_for_every_worker_it_lacks() -> None:
    """Spares are told nothing, ask for the same machines, are started once, and count for nothing."""
    world = elastic_run(3, placement={"spot": "Require"})
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
    world = shrunk(3, nodes=NODES)
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
    world = shrunk(1, workers=2)
    world.workers["r-2-1"] = replace(world.workers["r-2-1"], exit_code=1, waiting=None)
    world.wait(elastic.AGAIN_AFTER - SECOND)
    assert world.look().stop == ()
    world.wait(SECOND)
    assert world.look().stop == ("r-2-1",)


def test_a_run_grows_as_soon_as_its_spares_hold_the_machines_of_a_larger_size() -> None:
    """One or two more than three are no size; with three more all six train, and the spares have left with the attempt."""
    world = shrunk(3, nodes=NODES)
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
    assert spares(world) == []


@pytest.mark.parametrize("what", ["cordon", "notice", "ask", "silence"])
def test_a_machine_that_is_about_to_go_is_no_room(what: str) -> None:
    """A spare on it may be sent away before the larger attempt comes up."""
    world = shrunk(1, workers=2, nodes=NODES)
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
    world = shrunk(1, workers=2)
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
    assert (world.run.status.phase, world.run.status.workers, spares(world)) == (RunPhase.RUNNING, 1, [])
    world.wait(elastic.AGAIN_AFTER - SECOND)
    made = world.look()
    assert (spares(world), made.look_again) == ([], SECOND)
    world.wait(SECOND)
    world.look()
    assert spares(world) == ["r-4-1"]
    changed(world)
    assert (world.run.status.phase, world.run.status.workers) == (RunPhase.RUNNING, 2)


def test_only_growing_that_failed_is_put_off() -> None:
    """A larger attempt that came up and lost a machine later grows again at once."""
    world = shrunk(1, workers=2)
    world.make_room(Room())
    changed(world)
    world.make_room(Room(workers=1))
    world.end("r-3-1", 143)
    changed(world)
    world.wait(30 * SECOND)
    made = world.look()
    assert (made.status.reason, made.status.grow_after) == ("Resized", None)
    world.leave()
    world.settle()
    assert spares(world) == ["r-5-1"]


def test_a_spec_that_was_changed_is_for_the_next_attempt_and_decides_which_spares_there_are() -> None:
    """Fewer workers need fewer spares; a run that is elastic no more needs none, and goes on with all from the next attempt on."""
    world = shrunk(1)
    world.edit(workers=3)
    assert world.look().stop == ("r-2-3", "r-2-4", "r-2-5")
    world.edit(minWorkers=None)
    assert world.look().stop == ("r-2-1", "r-2-2")
    world.leave()
    assert (world.look().status.workers, spares(world)) == (1, [])
    world.make_room(Room())
    world.end("r-2-0", 143)
    assert world.look().status.workers == 3


def test_spares_wait_until_nothing_of_an_old_attempt_lives() -> None:
    """Nothing at all begins before it."""
    world = shrunk(1, workers=2, nodes=NODES)
    world.vanish("r-2-1")
    world.workers["r-1-1"] = replace(world.workers["r-2-0"], name="r-1-1", attempt=1, rank=1, stopping=True)
    world.once_silent.add("r-1-1")
    assert world.look().start == ()
    world.leave()
    assert [worker.name for worker in world.look().start] == ["r-2-1"]


def test_steps_that_were_lost_to_a_change_of_size_are_counted() -> None:
    """It was asked to save, and could not: 17 steps, and it goes on from 10."""
    world = shrunk(1, workers=2)
    world.tell(17, resumed_from=0, checkpoint=10)
    world.look()
    world.make_room(Room())
    changed(world)
    world.tell(10, resumed_from=10)
    assert world.look().status.lost_steps == 7
