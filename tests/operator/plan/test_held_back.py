"""What is still planned for a run that has begun and is not accepted any more."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan import acceptance
from tandem_operator.plan.values import Plan, SeenNode, Tier, Waiting

from .elastic_runs import SECOND, changed, elastic_run, shrunk
from .world import Room, World, run_of

PROBLEMS = ("spec.image: is missing",)


def look(world: World) -> Plan:
    """One look at a run that is not accepted; its status is kept, and whoever is asked leaves."""
    seen = world.seen()
    made = acceptance.held_back(world.run, PROBLEMS, seen, world.now)
    assert made.start == ()
    assert (made.status.conditions[0].type, made.status.conditions[0].status) == ("Accepted", "False")
    assert len({condition.type for condition in made.status.conditions}) == len(made.status.conditions) == 9
    for name in made.stop:
        world.ask(name)
    world.run = world.run.model_copy(update={"status": made.status})
    return made


@pytest.fixture
def world() -> World:
    """A run of two workers that trains."""
    world = World(run_of(workers=2, budget={"usd": 10, "usdPerWorkerHour": 5}, ttlSecondsAfterFinished=60), [SeenNode(name="n")])
    world.settle()
    assert world.run.status.phase is RunPhase.RUNNING
    return world


def test_it_is_still_stopped_at_its_budget(world: World) -> None:
    """Money is added up as ever, and its end is the end."""
    world.wait(timedelta(minutes=30))
    assert look(world).status.spent_usd == 5
    world.wait(timedelta(minutes=30))
    assert set(look(world).stop) == {"r-1-0", "r-1-1"}
    world.leave()
    assert (look(world).status.phase, world.run.status.reason) == (RunPhase.SUSPENDED, "BudgetExhausted")


def test_it_is_told_once_and_then_nothing_changes(world: World) -> None:
    """A second look at the same moment finds the very same status and nothing to tell."""
    first = look(world)
    assert [event.reason for event in first.events] == ["NotAccepted"]
    again = look(world)
    assert (again.events, again.status) == ((), first.status)


def test_no_next_attempt_is_named_until_it_is_accepted(world: World) -> None:
    """Its ending goes on for as long as that takes; then it is counted, once, and the attempt that follows is of the mended spec."""
    world.end("r-1-0", 1, "broke")
    assert set(look(world).stop) == {"r-1-1"}
    world.leave()
    stopped = look(world)
    assert (stopped.status.phase, stopped.status.reason, stopped.status.attempt) == (RunPhase.STOPPING, "WorkerFailed", 1)
    assert stopped.look_again == timedelta(minutes=1)
    assert look(world).status == stopped.status
    world.edit(workers=3)
    made = world.look()
    assert (made.status.phase, made.status.attempt, made.status.workers, made.status.failures) == (RunPhase.PENDING, 2, 3, 1)
    assert made.status.conditions[0].status == "True"


def test_an_attempt_that_falls_at_once_is_ended(world: World) -> None:
    """All workers gone in one moment: it does not go on saying that it runs."""
    for name in ("r-1-0", "r-1-1"):
        world.end(name, 143)
    made = look(world)
    assert (made.status.phase, made.status.reason, made.status.attempt, made.hold) == (RunPhase.STOPPING, "Preempted", 1, False)
    assert [event.reason for event in made.events] == ["Preempted", "NotAccepted"]
    assert look(world).events == ()
    world.edit(workers=2)
    assert (world.look().status.attempt, world.run.status.preemptions) == (2, 1)


def test_a_missing_worker_is_not_started() -> None:
    """Those that wait to come up may; those that are not there stay away, and the attempt stays as it is named."""
    pending = World(run_of(workers=2))
    pending.look()
    pending.vanish("r-1-1")
    made = look(pending)
    assert (made.status.phase, made.status.reason, made.status.attempt) == (RunPhase.PENDING, "NotAccepted", 1)
    assert look(pending).status == made.status
    assert pending.look().start


def test_it_lets_go_of_machines_and_outlives_its_time(world: World) -> None:
    """A drain is not held up, and a run that is done is removed when its time has come."""
    assert look(world).hold
    world.disrupt("r-1-0")
    assert set(look(world).stop) >= {"r-1-0"}
    assert not look(world).hold
    done = World(run_of(ttlSecondsAfterFinished=60))
    done.settle()
    done.end("r-1-0", 0)
    assert look(done).status.phase is RunPhase.SUCCEEDED
    done.wait(timedelta(minutes=2))
    assert look(done).remove


def test_it_does_not_end_to_grow_while_nothing_larger_can_follow() -> None:
    """A spare has found a machine: the smaller attempt trains on, and grows once the spec is mended."""
    world = shrunk(1, workers=2)
    world.edit(data={"source": "corpus"})
    world.make_room(Room())
    assert [worker.spare for worker in world.live() if worker.placed] == [False, True]
    for _ in range(3):
        made = look(world)
        assert (made.stop, made.status.phase, made.status.attempt) == ((), RunPhase.RUNNING, 2)
        world.wait(timedelta(minutes=1))
    world.edit(data={"source": "/corpus"})
    changed(world)
    assert (world.run.status.phase, world.run.status.workers, world.run.status.attempt) == (RunPhase.RUNNING, 2, 3)


def _too_large() -> World:
    """Machines for three of six workers; it would shrink to those."""
    return elastic_run(3)


def _without_spot_machines() -> World:
    """It would fall back to machines of another kind."""
    world = World(run_of(placement={"spot": "Prefer", "onDemandAfter": "2m"}))
    world.make_room(Room(spot=0))
    world.settle()
    return world


def _with_a_typo() -> World:
    """It would start anew by what was edited."""
    world = World(run_of(image="typo"))
    world.slow_down(Waiting(tier=Tier.MISCONFIGURED, message="ErrImagePull", placed=True))
    world.settle()
    return world


@pytest.mark.parametrize("waiting", [_too_large, _without_spot_machines, _with_a_typo])
def test_workers_that_wait_are_not_sent_away_for_better_ones_that_cannot_follow(waiting: Callable[[], World]) -> None:
    """They may still come up. Once there is a spec that is accepted they start anew by it, if it is another than theirs."""
    world = waiting()
    assert world.run.status.phase is RunPhase.PENDING
    world.edit(data={"source": "corpus"})
    for _ in range(4):
        world.wait(30 * SECOND)
        made = look(world)
        assert (made.stop, made.status.phase, made.status.reason, made.status.attempt) == ((), RunPhase.PENDING, "NotAccepted", 1)
    made = world.look()
    assert (set(made.stop), made.status.reason) == ({worker.name for worker in world.live()}, "Edited")


def test_workers_that_were_just_started_go_on_if_they_are_all_there() -> None:
    """A refused edit that comes before the first status is written ends nothing; of those who lack others nothing would ever come."""
    whole = World(run_of(workers=2))
    whole.look()
    assert whole.run.status.attempt == 0
    whole.edit(data={"source": "corpus"})
    made = look(whole)
    assert (made.stop, made.status.attempt, made.status.workers) == ((), 1, 2)
    assert look(whole).status.phase is RunPhase.RUNNING
    some = World(run_of(workers=2))
    some.look()
    some.vanish("r-1-1")
    some.edit(data={"source": "corpus"})
    made = look(some)
    assert (made.stop, made.status.phase, made.status.reason) == (("r-1-0",), RunPhase.STOPPING, "Edited")
