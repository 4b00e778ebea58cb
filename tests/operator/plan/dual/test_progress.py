"""When a DualRun that answers nothing any more is given up."""

from dataclasses import replace
from datetime import timedelta

from tandem_operator.api.dual_status import LaneState, LaneStatus
from tandem_operator.api.status import RunPhase

from tests.operator.plan.dual.world import running, standing


def test_a_run_that_comes_no_further_fails_if_it_says_when() -> None:
    """Counted from the last question, with what ails the lanes; one that says nothing waits on."""
    patient, world = running(), running(noProgressAfter="10m")
    for each in (patient, world):
        each.wait(540)
        each.answer(1)
        each.tell()
        each.look()
        each.wait(599)
    assert world.settle().look_again == timedelta(seconds=1)
    assert world.run.status.phase is RunPhase.RUNNING
    ill = LaneStatus(name="cloud", state=LaneState.UNAUTHORIZED, problem="said 401")
    assert world.report
    world.report = replace(world.report, lanes=(ill,))
    world.wait(1)
    world.look()
    assert standing(world) == (RunPhase.STOPPING, "NoProgress")
    world.up()
    assert standing(world) == (RunPhase.FAILED, "NoProgress")
    assert world.run.status.message == "no question came to its end for 10m (spec.noProgressAfter); cloud Unauthorized: said 401"
    patient.wait(86_400)
    patient.up()
    assert patient.run.status.phase is RunPhase.RUNNING


def test_a_rest_is_no_want_of_progress() -> None:
    """An attempt has all of the time anew, and also one whose parts find no machine has no more than that."""
    world = running(noProgressAfter="10m")
    world.edit(suspend=True)
    world.up()
    world.wait(3600)
    world.settle()
    assert world.run.status.phase is RunPhase.SUSPENDED
    world.edit(suspend=False)
    world.settle()
    assert world.run.status.phase is RunPhase.PENDING
    world.wait(600)
    world.settle()
    assert world.run.status.reason == "NoProgress"
