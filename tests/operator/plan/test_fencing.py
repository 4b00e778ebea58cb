"""Machines that are not heard of any more, and what comes back with them."""

from dataclasses import replace
from datetime import timedelta

from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import fencing
from tandem_operator.plan.values import Seen, SeenNode, SeenWorker

from .world import START, World, run_of

NODES = (SeenNode(name="n0"), SeenNode(name="n1"))


def _cut_off() -> World:
    """The second of two machines is not heard of; the first worker has left."""
    world = World(run_of(workers=2), NODES)
    world.settle()
    world.wait(timedelta(seconds=10))
    world.silence("n1")
    world.look()
    world.leave()
    return world


def test_only_workers_of_the_attempt_that_have_not_ended_can_be_lost() -> None:
    """What is known to have ended needs no fence, and older attempts are over."""
    run = run_of()
    run = run.model_copy(update={"status": run.status.model_copy(update={"attempt": 2, "workers": 1})})
    worker = SeenWorker(name="r-2-0", attempt=2, rank=0, since=START, node="n1", fenced=True)
    lost = fencing.lost(run, Seen(workers=(worker,)))
    assert lost is not None
    assert (lost.reason, lost.message, lost.final) == ("Lost", "machine n1, which holds worker r-2-0, is not heard of", False)
    for other in (replace(worker, fenced=False), replace(worker, exit_code=0), replace(worker, name="r-1-0", attempt=1)):
        assert fencing.lost(run, Seen(workers=(other,))) is None


def test_nobody_waits_for_a_worker_that_is_not_heard_of_but_it_is_asked_to_leave() -> None:
    """The next attempt is named and started as soon as all others have left, at no charge but a preemption."""
    world = World(run_of(workers=2), NODES)
    world.settle()
    world.silence("n1")
    made = world.look()
    assert (made.status.phase, made.status.reason, made.stop) == (RunPhase.STOPPING, "Lost", ("r-1-0", "r-1-1"))
    world.leave()
    world.settle()
    status = world.run.status
    assert (status.phase, status.attempt, status.preemptions, status.failures) == (RunPhase.RUNNING, 2, 1, 0)
    assert world.workers["r-1-1"].fenced


def test_a_worker_that_is_lost_before_all_are_up_ends_the_attempt_as_well() -> None:
    """Nobody comes back for it, so its peers would wait for ever. Where it was alone, the next attempt is named at once."""
    world = World(run_of(), NODES)
    world.settle(2)
    world.silence("n0")
    made = world.look()
    assert (made.status.phase, made.status.attempt, made.status.reason) == (RunPhase.PENDING, 2, "Lost")
    assert made.stop == ("r-1-0",)


def test_a_worker_that_is_heard_of_again_is_unwanted_and_disturbs_nobody() -> None:
    """It was not asked before, as the operator found it when it came up: it is asked, and the newer attempt runs on."""
    world = _cut_off()
    world.settle()
    world.workers["r-1-1"] = replace(world.workers["r-1-1"], stopping=False)
    world.hear("n1")
    made = world.look()
    assert (made.stop, made.status.phase, made.status.attempt) == (("r-1-1",), RunPhase.RUNNING, 2)
    assert world.look().stop == ()


def test_no_attempt_begins_while_a_worker_lives_that_is_heard_of_again() -> None:
    """Attempt 2 was named but nothing of it was started yet; when it is, the old worker has left."""
    world = _cut_off()
    assert world.look().status.attempt == 2
    world.hear("n1")
    made = world.look()
    assert (made.start, made.status.phase) == ((), RunPhase.PENDING)
    world.leave()
    world.settle()
    assert (world.run.status.phase, world.run.status.attempt) == (RunPhase.RUNNING, 2)


def test_a_machine_that_is_not_heard_of_is_not_paid_for() -> None:
    """Most often it is gone; whoever waits for word of it would pay for a ghost until the budget is spent."""
    world = World(run_of(budget={"usdPerWorkerHour": 3600}, workers=2), NODES)
    world.settle()
    world.silence("n1")
    world.look()
    world.wait(timedelta(seconds=10))
    assert world.look().status.spent_usd == 10
