"""An edit reaches workers that wait, and lets those be that train."""

from tandem_operator.api.status import RunPhase
from tandem_operator.plan.values import Tier, Waiting

from .world import World, run_of

TYPO = Waiting(tier=Tier.MISCONFIGURED, message="ImagePullBackOff", placed=True)


def _waiting() -> World:
    world = World(run_of(image="typo"))
    world.slow_down(TYPO)
    world.settle(2)
    assert world.run.status.phase is RunPhase.PENDING
    return world


def test_workers_that_wait_start_anew_by_the_edited_spec() -> None:
    """A pod with a typo in its image is given up for one without, and nothing is counted against the run."""
    world = _waiting()
    world.edit(image="right")
    made = world.look()
    assert (made.stop, made.status.reason) == (("r-1-0",), "Edited")
    world.leave()
    world.slow_down(None)
    world.settle()
    status = world.run.status
    assert (status.phase, status.attempt, status.failures, status.preemptions) == (RunPhase.RUNNING, 2, 0, 0)
    assert status.start_after is None


def test_one_edit_is_one_new_attempt() -> None:
    """The attempt that follows waits in peace, however long it does."""
    world = _waiting()
    world.edit(image="wrong again")
    world.look()
    world.leave()
    world.settle(2)
    assert not world.settle().stop
    assert world.run.status.attempt == 2


def test_workers_that_train_are_let_be() -> None:
    """What is edited while a run runs is for its next attempt."""
    world = World(run_of())
    world.settle()
    world.edit(image="another")
    assert not world.settle().stop
    assert world.run.status.phase is RunPhase.RUNNING


def test_workers_of_which_some_were_not_let_in_start_anew_together() -> None:
    """Where a quota admits some of an attempt, an edit is not for the others alone: an attempt is made by one spec, and of its size."""
    world = World(run_of(workers=3))
    world.look()
    world.vanish("r-1-2")
    world.edit(workers=2)
    made = world.look()
    assert (set(made.stop), made.start, made.status.reason) == ({"r-1-0", "r-1-1"}, (), "Edited")
    world.leave()
    world.settle()
    status = world.run.status
    assert (status.phase, status.attempt, status.workers, status.failures) == (RunPhase.RUNNING, 2, 2, 0)


def test_an_edit_reaches_an_attempt_of_which_nobody_was_let_in() -> None:
    """What is started once there is room is what was asked for last."""
    world = World(run_of(workers=3))
    world.look()
    for rank in range(3):
        world.vanish(f"r-1-{rank}")
    world.edit(workers=2)
    world.settle()
    status = world.run.status
    assert (status.phase, status.workers, status.failures) == (RunPhase.RUNNING, 2, 0)
