"""How a DualRun goes from file to answers, whatever becomes of its parts on the way."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tandem_operator.api.dual_status import MemoryState, MemoryStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.conditions import reason_of
from tandem_operator.plan.dual.values import Role

from tests.operator.plan.dual.runs import CLOUD, LOCAL, dual
from tests.operator.plan.dual.world import TOTAL, World, running, standing

ENGINES_ONLY = [LOCAL, {**LOCAL, "name": "other"}]


def test_parts_start_in_order_each_once_those_before_it_answer() -> None:
    """Memory and engines, coordinator, workers; the number of each is written before it starts."""
    world = World(dual(memory={}))
    first = world.look()
    assert (first.start, first.look_again) == ((), timedelta(0))
    started: list[list[str]] = []
    for _ in range(3):
        started.append([part.name for part in world.look().start])
        world.ready()
    assert started == [
        ["pair-memory-0-1", "pair-engine-0-1", "pair-engine-1-1"],
        ["pair-coordinator-0-1"],
        ["pair-worker-0-1", "pair-worker-1-1"],
    ]
    world.look()
    assert standing(world) == (RunPhase.RUNNING, "PartsUp")


def test_a_run_whose_questions_are_all_answered_has_succeeded() -> None:
    """Workers leave first and the memory last; then it is done, with the sum of what was answered."""
    world = running(memory={})
    world.answer(TOTAL)
    world.tell()
    left: list[Role] = []
    while world.live():
        stopped = world.look().stop
        left += dict.fromkeys(world.parts[name].role for name in stopped)
        assert standing(world) == (RunPhase.STOPPING, "AllQuestionsAnswered")
        world.leave(0)
    world.look()
    assert left == [Role.WORKER, Role.COORDINATOR, Role.ENGINE, Role.MEMORY]
    assert standing(world) == (RunPhase.SUCCEEDED, "AllQuestionsAnswered")
    assert (world.run.status.done, world.run.status.finished_at) == (TOTAL, world.now)


def test_questions_that_were_given_up_are_a_partial_failure() -> None:
    """The run is complete, and says by reason and condition that it is not whole."""
    world = running()
    world.answer(TOTAL - 2, failed=2)
    world.up()
    assert standing(world) == (RunPhase.SUCCEEDED, "PartialFailure")
    assert reason_of(world.run.status, "PartialFailure") == "PartialFailure"
    assert "2 of 20 questions" in world.run.status.message


def test_a_change_of_a_run_that_has_ended_is_told_to_be_too_late() -> None:
    """Once for each, since nothing comes of it; while the run was under way nobody was told that."""
    world = running()
    world.edit(budget={"usd": 3.0})
    assert "ChangeIgnored" not in _told(world)
    world.answer(TOTAL - 2, failed=2)
    world.up()
    assert "ChangeIgnored" not in _told(world)
    world.edit(budget={"usd": 4.0})
    assert [_told(world), _told(world)] == [["ChangeIgnored"], []]
    assert standing(world) == (RunPhase.SUCCEEDED, "PartialFailure")


def _told(world: World) -> list[str]:
    return [event.reason for event in world.look().events]


@pytest.mark.parametrize("slot", ["engine-1", "coordinator-0", "worker-1"])
def test_a_part_that_is_killed_is_started_again_under_its_next_number(slot: str) -> None:
    """After a second, which doubles with each fall in a row; the run runs on and nothing else is touched."""
    world = running()
    others = {part.name for part in world.live() if part.slot != slot}
    for start, pause_s in ((2, 1), (3, 2), (4, 4)):
        world.kill(slot)
        world.look()
        assert world.settle().look_again == timedelta(seconds=pause_s)
        world.wait(pause_s)
        assert [part.name for part in world.look().start] == [f"pair-{slot}-{start}"]
        world.ready()
        assert world.run.status.phase is RunPhase.RUNNING
    assert others <= {part.name for part in world.live()}


def test_a_part_that_stood_for_a_while_has_shown_that_it_can() -> None:
    """Killed every two minutes for an hour, it still comes back after a second each time."""
    world = running()
    for _ in range(30):
        world.wait(120)
        world.kill("coordinator-0")
        assert world.settle().look_again == timedelta(seconds=1)
        world.wait(1)
        world.up()
    assert world.run.status.phase is RunPhase.RUNNING


def test_a_preempted_part_is_nobodys_fault() -> None:
    """143 is no failure, however often it comes; it is waited longer each time, unless the part had stood for a while."""
    world, waits = running(), list[float]()
    for length_s in (0, 0, 0, 0, 0, 0, 0, 0, 60, 0):
        world.wait(length_s)
        world.kill("coordinator-0", 143)
        world.settle()
        (part,) = (each for each in world.run.status.parts if each.name == "coordinator-0")
        waits.append((part.start_after - world.now).total_seconds() if part.start_after else 0)
        world.wait(waits[-1])
        world.up()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 1, 2]
    assert (world.run.status.phase, max(part.failures for part in world.run.status.parts)) == (RunPhase.RUNNING, 0)


@pytest.mark.parametrize("slot", ["coordinator-0", "worker-0", "engine-0"])
def test_93_ends_the_run_with_the_sentence_of_the_part(slot: str) -> None:
    """Nothing is started again, and the others leave."""
    world = running()
    world.kill(slot, 93)
    world.up()
    assert standing(world) == (RunPhase.FAILED, "DoNotRestart")
    assert world.run.status.message == f"pair-{slot}-1 exited with 93: no luck"
    assert not world.live()


def test_a_run_fails_whose_coordinator_cannot_live() -> None:
    """Seven failures in a row, told with the last words of the last."""
    world = running()
    for _ in range(7):
        world.kill("coordinator-0", 1)
        world.settle()
        world.wait(60)
        world.up()
    assert standing(world) == (RunPhase.FAILED, "TooManyFailures")
    assert "coordinator-0-7 exited with 1: no luck" in world.run.status.message


@pytest.mark.parametrize(("lanes", "phase"), [([CLOUD, LOCAL], RunPhase.RUNNING), (ENGINES_ONLY, RunPhase.FAILED)])
def test_one_lane_carries_on_without_the_other(lanes: list[dict[str, object]], phase: RunPhase) -> None:
    """Engines that never come up hold nothing up for long, and end a run only where no lane is left."""
    world = World(dual(lanes=lanes))
    for _ in range(20):
        world.up()
        for engine in [part.name for part in world.live(Role.ENGINE)]:
            world.end(engine, 1, "no such model")
        world.settle()
        world.wait(60)
    world.up()
    assert world.run.status.phase is phase


def test_whoever_is_lost_with_an_engine_does_not_wait_for_it() -> None:
    """A machine takes an engine and a worker along: the worker is back, for the other lane, while the engine is still on its way."""
    world = running()
    for slot in ("engine-1", "worker-1"):
        (lost,) = [part for part in world.live() if part.slot == slot]
        world.parts[lost.name] = replace(lost, fenced=True, ready=False)
    world.settle()
    world.wait(1)
    world.settle()
    assert {part.name for part in world.live() if not part.ready} == {"pair-engine-1-2", "pair-worker-1-2"}
    assert world.run.status.phase is RunPhase.RUNNING
    assert not any(part.failures for part in world.run.status.parts), "a lost machine is nobody's failure"


def test_suspension_is_taken_back_by_the_next_attempt() -> None:
    """All leave, the run rests, and goes on under numbers of its own with what it had answered."""
    world = running()
    world.answer(5)
    world.edit(suspend=True)
    world.up()
    assert standing(world) == (RunPhase.SUSPENDED, "SuspendRequested")
    assert not world.live()
    world.edit(suspend=False)
    world.up()
    assert standing(world) == (RunPhase.RUNNING, "PartsUp")
    assert (world.run.status.attempt, world.run.status.done) == (2, 5)
    assert {part.start for part in world.live()} == {2}


def test_other_credentials_are_told_by_another_start() -> None:
    """To those who show them to each other: workers that kept the old ones would be turned away, or not believe their coordinator."""
    world = World(dual())
    world.credentials = "old"
    world.up()
    world.credentials = "new"
    world.up()
    world.up()
    starts = {part.slot: part.start for part in world.live()}
    assert starts == {"engine-0": 1, "engine-1": 1, "coordinator-0": 2, "worker-0": 2, "worker-1": 2}
    assert world.run.status.phase is RunPhase.RUNNING


def test_a_memory_that_is_not_reached_is_said_once_and_stays_visible() -> None:
    """Answers go on without it: a condition holds that, an event tells it, and another that it is back."""
    world = running(memory={"address": "memory.example:7433"})
    assert reason_of(world.run.status, "MemoryHealthy") == "NotAskedYet"
    away = MemoryStatus(state=MemoryState.AWAY, problem="memory.example:7433: no route", waiting=2)
    told: list[str] = []
    for memory in (away, away, MemoryStatus(state=MemoryState.READY), None):
        world.tell()
        assert world.report
        world.report = replace(world.report, memory=memory)
        told += [f"{event.reason}: {event.message}" for event in world.look().events]
        reason = {away: "MemoryAway", None: "NotAskedYet"}.get(memory, "Answers")
        assert (world.run.status.memory, reason_of(world.run.status, "MemoryHealthy")) == (memory, reason)
    assert told == [
        "MemoryAway: answers go on without the shared memory: memory.example:7433: no route",
        "MemoryBack: the shared memory answers again",
    ]
    assert reason_of(running().run.status, "MemoryHealthy") == "NoMemory"


def test_the_deadline_counts_rest_too() -> None:
    """A run that rests fails when its time is over."""
    world = running(deadline="1h")
    world.edit(suspend=True)
    world.up()
    assert world.settle().look_again == timedelta(hours=1)
    world.wait(3600)
    world.look()
    assert standing(world) == (RunPhase.FAILED, "DeadlineExceeded")


def test_a_finished_run_goes_when_its_time_is_over() -> None:
    """ttlSecondsAfterFinished, counted from its end."""
    world = running(ttlSecondsAfterFinished=60)
    world.answer(TOTAL)
    world.up()
    assert (world.settle().remove, world.settle().look_again) == (False, timedelta(seconds=60))
    world.wait(60)
    assert world.look().remove
