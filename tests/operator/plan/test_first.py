"""The first attempt, which starts before it is written."""

from dataclasses import replace
from datetime import timedelta

from tandem_operator.api.status import RunPhase
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen, Tier, Waiting

from .world import START, Killed, World, run_of

SECOND = timedelta(seconds=1)


def _started(**spec: object) -> World:
    """Two workers that were started a second ago; nothing is written."""
    world = World(run_of(**{"workers": 2, **spec}))
    assert world.look().can_wait
    assert world.run.status.attempt == 0
    world.wait(SECOND)
    return world


def test_it_starts_in_the_first_look_and_is_told_with_what_became_of_it() -> None:
    """One status for both: the attempt is named, and runs. It began when its workers were made, not when it was written."""
    made = _started().look()
    assert (made.start, made.can_wait) == ((), False)
    assert (made.status.attempt, made.status.workers, made.status.phase) == (1, 2, RunPhase.RUNNING)
    assert made.status.started_at == START
    assert [event.reason for event in made.events] == ["Accepted", "Running"]


def test_a_fall_before_it_was_written_is_a_fall() -> None:
    """What is found is attempt 1, so the next one is 2, and that is written before anything of it starts."""
    world = _started()
    world.end("r-1-0", 1)
    world.end("r-1-1", 1)
    made = world.look()
    assert (made.status.attempt, made.status.failures, made.start, made.can_wait) == (2, 1, (), False)
    assert [event.reason for event in made.events] == ["Accepted", "WorkerFailed", "Restarting"]


def test_who_died_in_between_leaves_an_attempt_that_goes_on() -> None:
    """One of two workers was started: the other follows, in the same attempt."""
    world = World(run_of(workers=2))
    world.look(Killed.AFTER_FIRST_START)
    assert [worker.name for worker in world.look().start] == ["r-1-1"]
    assert (world.settle().status.attempt, set(world.workers)) == (1, {"r-1-0", "r-1-1"})


def test_edited_in_between_it_starts_anew() -> None:
    """By which spec its workers were started nobody knows for sure, so they leave; nothing is counted against the run."""
    world = _started()
    world.edit(workers=3)
    made = world.look()
    assert (made.status.phase, made.status.reason, made.status.attempt, made.stop) == ("Stopping", "Edited", 1, ("r-1-0", "r-1-1"))
    world.leave()
    status = world.settle().status
    assert (status.phase, status.attempt, status.workers, status.failures, status.preemptions) == (RunPhase.RUNNING, 2, 3, 0, 0)


def test_an_edit_does_not_undo_what_is_done() -> None:
    """Both workers had ended well before anybody looked: the run has succeeded, whatever size it is edited to."""
    world = _started()
    world.end("r-1-0", 0)
    world.end("r-1-1", 0)
    world.edit(workers=3)
    assert world.look().status.phase is RunPhase.SUCCEEDED


def test_a_run_that_was_edited_is_written_first() -> None:
    """Its spec may be edited again, and then two are in question."""
    world = World(run_of())
    world.edit(workers=2)
    made = world.look()
    assert (made.start, made.can_wait, made.status.attempt) == ((), False, 1)
    assert len(world.look().start) == 2


def test_what_is_refused_is_told_at_once() -> None:
    """No worker bears its number, so it is asked for again, and the status says why."""
    run = run_of()
    made = plan(run, Seen(refused=Waiting(tier=Tier.QUOTA)), START)
    assert len(made.start) == 1
    assert not made.can_wait


def test_of_another_attempt_nothing_is_adopted() -> None:
    """A status that somebody has emptied: the workers of attempt 4 leave, and 5 follows."""
    world = _started()
    worker = world.workers.pop("r-1-0")
    world.workers = {"r-4-0": replace(worker, name="r-4-0", attempt=4)}
    run = world.run
    made = plan(run, Seen(workers=tuple(world.workers.values())), world.now)
    assert (made.stop, made.start, made.status.attempt) == (("r-4-0",), (), 0)


def test_what_is_over_before_it_begins_starts_nobody() -> None:
    """A deadline of no time at all has passed as soon as the attempt is named."""
    world = World(run_of(deadline="0s"))
    made = world.settle()
    assert (made.status.phase, made.status.reason) == (RunPhase.FAILED, "DeadlineExceeded")
    assert not world.workers
