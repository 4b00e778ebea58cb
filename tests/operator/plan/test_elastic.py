"""Runs that go on with fewer workers, and come to rest at the best size there is room for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import elastic
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Tier, Waiting

from .elastic_runs import MINUTE, SECOND, elastic_run
from .world import START, Room, World, run_of


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
    world = elastic_run(5)
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
    world = elastic_run(1, minWorkers=2)
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
    world = elastic_run(1)
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
    world = elastic_run(2, workers=3)
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


def test_a_size_that_the_spec_no_longer_allows_is_not_taken() -> None:
    """Edited while the workers leave: the fewest are more than what was decided on."""
    world = elastic_run(2)
    world.wait(30 * SECOND)
    assert world.look().status.next_workers == 2
    world.edit(minWorkers=3)
    world.leave()
    assert world.look().status.workers == 6


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
