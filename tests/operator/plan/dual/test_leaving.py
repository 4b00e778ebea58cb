"""Workers that leave of their own accord: their coordinator has told them that all is over, and tells the planner soon."""

from datetime import timedelta

from tandem_operator.api.status import RunPhase
from tandem_operator.plan.dual.values import Role

from tests.operator.plan.dual.world import TOTAL, World, running, standing


def left(world: World) -> list[str]:
    """Workers leave with 0; what is told of it."""
    for worker in world.live(Role.WORKER):
        world.end(worker.name, 0)
    return [event.reason for _ in range(4) for event in world.look().events]


def test_nobody_takes_the_place_of_a_worker_that_was_told_that_all_is_over() -> None:
    """Though it had failed before: the word of the coordinator comes a moment later, and no start is named that is never made."""
    world = running()
    world.kill("worker-0")
    world.settle()
    world.wait(1)
    world.up()
    world.answer(TOTAL)
    assert left(world) == []
    assert world.settle().look_again == timedelta(seconds=5)
    world.wait(4)
    world.tell()
    world.up()
    assert standing(world) == (RunPhase.SUCCEEDED, "AllQuestionsAnswered")
    assert {part.name: part.start for part in world.run.status.parts if part.name.startswith("worker")} == {"worker-0": 2, "worker-1": 1}


def test_a_worker_that_was_told_wrongly_is_started_again() -> None:
    """After five seconds in which the coordinator has not said the same; it has failed at nothing, so nobody is warned."""
    world = running()
    world.kill("worker-0")
    world.settle()
    world.wait(1)
    world.up()
    assert left(world) == []
    world.wait(5)
    told = [event.reason for _ in range(3) for event in world.look().events]
    assert (told, sorted(part.name for part in world.live(Role.WORKER))) == ([], ["pair-worker-0-3", "pair-worker-1-2"])


def test_a_server_that_ends_with_0_has_not_failed_either() -> None:
    """But nobody told it to, and answers wait for it: that it ended is said."""
    world = running()
    world.kill("coordinator-0", 0)
    told = [(event.reason, event.message) for event in world.look().events]
    assert told == [("PartEnded", "pair-coordinator-0-1 ended by itself, with 0; started again as number 2")]
