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
