"""A run that rests, and what may disturb it."""

from datetime import timedelta

from tandem_operator.api.status import RunPhase
from tandem_operator.plan.values import SeenWorker

from .world import START, World, run_of


def test_a_run_may_be_born_suspended_as_queues_want_it() -> None:
    """It starts nothing until it is released; then its first attempt is the first."""
    world = World(run_of(suspend=True))
    world.settle()
    assert (world.run.status.phase, world.run.status.attempt, world.workers) == (RunPhase.SUSPENDED, 0, {})
    world.edit(suspend=False)
    world.settle()
    assert (world.run.status.phase, world.run.status.attempt) == (RunPhase.RUNNING, 1)


def test_a_worker_that_comes_back_to_a_run_at_rest_is_asked_to_leave_and_changes_nothing() -> None:
    """A machine that was cut off holds a worker that was thought gone; the run rests on, and resumes only after it."""
    world = World(run_of())
    world.settle()
    world.edit(suspend=True)
    world.look()
    world.vanish("r-1-0")
    world.settle()
    world.workers["r-1-0"] = SeenWorker(name="r-1-0", attempt=1, rank=0, since=START)
    made = world.look()
    assert (made.stop, made.status.phase) == (("r-1-0",), RunPhase.SUSPENDED)
    world.edit(suspend=False)
    assert world.settle().status.phase is RunPhase.SUSPENDED
    world.leave()
    world.settle()
    assert (world.run.status.phase, world.run.status.attempt) == (RunPhase.RUNNING, 2)


def test_a_raised_budget_does_not_wake_a_run_that_is_also_suspended() -> None:
    """Each wish to rest must be taken back; then it goes on by itself."""
    world = World(run_of(budget={"usd": 0.01, "usdPerWorkerHour": 36}))
    while world.run.status.phase is not RunPhase.SUSPENDED:
        made = world.look()
        world.leave()
        if made.look_again:
            world.wait(made.look_again)
    assert world.run.status.reason == "BudgetExhausted"
    world.edit(suspend=True, budget={"usd": 5})
    world.settle()
    assert (world.run.status.phase, world.run.status.reason) == (RunPhase.SUSPENDED, "SuspendRequested")
    world.edit(suspend=False)
    world.settle()
    assert (world.run.status.phase, world.run.status.attempt) == (RunPhase.RUNNING, 2)


def test_a_resumed_run_starts_at_once_whatever_it_waited_for_before() -> None:
    """Suspended in the wait after a failure; whoever resumes it means now. Nor is its rest taken for a slow recovery."""
    world = World(run_of(restart={"backoff": {"first": "1h", "longest": "1h"}}))
    world.settle()
    world.end("r-1-0", 1)
    world.settle()
    assert world.run.status.start_after is not None
    world.edit(suspend=True)
    world.settle()
    world.edit(suspend=False)
    world.settle()
    assert world.run.status.phase is RunPhase.RUNNING
    world.wait(timedelta(seconds=1))
    world.tell(1, resumed_from=0)
    assert world.look().status.time_to_resume_seconds is None
