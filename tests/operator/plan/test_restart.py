"""The contract of exit codes, and what a fall costs the run."""

from datetime import timedelta
from typing import Any

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.api.upkeep import BackoffSpec
from tandem_operator.plan.policies import restart

from .world import Room, World, run_of

CONTRACT = [
    # how it ends, (failures, preemptions), what becomes of the run
    ({"code": 0}, (0, 0), RunPhase.SUCCEEDED),
    ({"code": 143}, (0, 1), RunPhase.PENDING),
    ({"code": 137, "disrupted": True}, (0, 1), RunPhase.PENDING),
    ({"code": 1, "disrupted": True}, (0, 1), RunPhase.PENDING),
    ({"code": 93}, (0, 0), RunPhase.FAILED),
    ({"code": 93, "disrupted": True}, (0, 0), RunPhase.FAILED),
    ({"code": 137}, (1, 0), RunPhase.PENDING),
    ({"code": 1}, (1, 0), RunPhase.PENDING),
    ({"code": 255}, (1, 0), RunPhase.PENDING),
    ({"code": 75}, (1, 0), RunPhase.PENDING),
]


@pytest.mark.parametrize(("ends", "counts", "phase"), CONTRACT)
def test_exit_codes_are_a_contract(ends: dict[str, Any], counts: tuple[int, int], phase: RunPhase) -> None:
    """0 is done; 143 or a disruption costs nothing; 93 is the end; anything else is a failure."""
    world = World(run_of())
    world.settle()
    world.end("r-1-0", **ends)
    status = world.look().status
    assert ((status.failures, status.preemptions), status.phase) == (counts, phase)


def test_the_first_to_fall_is_the_cause_whatever_its_rank() -> None:
    """Worker 1 runs out of memory, worker 0 loses its peer a moment later, and both are seen at once: worker 1 is blamed."""
    world = World(run_of(workers=2))
    world.settle()
    world.end("r-1-1", 137, "out of memory")
    world.now += timedelta(seconds=1)
    world.end("r-1-0", 1, "connection closed by peer")
    assert "out of memory" in world.look().status.message


def test_the_first_cause_counts_not_what_it_brings_about() -> None:
    """A failure whose peers leave with 143 is a failure; a preemption whose peers crash on the way out is a preemption."""
    failed, noticed = World(run_of(workers=2)), World(run_of(workers=2))
    for world in (failed, noticed):
        world.settle()
    failed.end("r-1-0", 1)
    noticed.disrupt("r-1-0")
    for world, code in ((failed, 143), (noticed, 1)):
        world.look()
        world.leave(code)
        world.look()
    assert (failed.run.status.failures, failed.run.status.preemptions) == (1, 0)
    assert (noticed.run.status.failures, noticed.run.status.preemptions) == (0, 1)


def test_failures_in_a_row_are_counted_anew_when_the_run_gets_further() -> None:
    """Only standing still counts as no progress; failures as such go on being counted."""
    world = World(run_of(restart={"maxFailures": 9, "maxNoProgress": 2}))
    for attempt, step in enumerate((5, 6, 6), start=1):
        world.settle()
        world.wait(timedelta(minutes=10))
        world.settle()
        world.tell(step, resumed_from=0)
        world.end(f"r-{attempt}-0", 1)
        world.look()
        counted = (world.run.status.failures, world.run.status.no_progress)
        assert counted == ((1, 1), (2, 1), (3, 2))[attempt - 1]
    assert (world.run.status.phase, world.run.status.reason) == (RunPhase.FAILED, "NoProgress")


def test_what_is_away_is_waited_for_longer_each_time_and_is_no_standing_still() -> None:
    """A store that is down for an hour does not end a run at the second failure; one that never comes does, once too often."""
    world = World(run_of(restart={"maxFailures": 3, "maxNoProgress": 2}))
    for attempt in (1, 2, 3, 4):
        world.settle()
        world.wait(timedelta(minutes=10))
        world.settle()
        world.end(f"r-{attempt}-0", 75, "the store does not answer")
        status = world.look().status
        assert (status.failures, status.no_progress, status.reason) == (attempt, 0, "Unavailable" if attempt < 4 else "TooManyFailures")
    assert world.run.status.phase is RunPhase.FAILED
    assert "the store does not answer" in world.run.status.message


def test_who_gives_up_while_others_find_no_machine_has_not_failed() -> None:
    """Ranks wait for their peers for half an hour; a run that waits for its last machine for days is as good as at first."""
    world = World(run_of(workers=2))
    world.make_room(Room(workers=1))
    for attempt in range(1, 11):
        world.settle()
        world.wait(timedelta(minutes=30))
        world.end(f"r-{attempt}-0", 1, "timed out after 1800 seconds")
        told = world.look()
        assert "PeersMissing" in {event.reason for event in told.events}
        world.leave()
        world.look()
        world.wait(timedelta(minutes=5))
    status = world.settle().status
    assert (status.phase, status.failures, status.preemptions, status.no_progress) == (RunPhase.PENDING, 0, 0, 0)
    world.make_room(Room())
    assert world.settle().status.phase is RunPhase.RUNNING
    world.end("r-11-0", 1)
    assert world.look().status.reason == "WorkerFailed"


def test_falls_that_are_nobodys_fault_do_not_come_in_a_storm() -> None:
    """A machine that turns every worker away is asked again later each time, up to the longest wait."""
    world, waits = World(run_of()), list[float]()
    for attempt in range(1, 10):
        world.settle()
        world.end(f"r-{attempt}-0", 137, disrupted=True)
        after = world.settle().status.start_after
        waits.append((after - world.now).total_seconds() if after else 0)
        world.wait(timedelta(seconds=waits[-1]))
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    world.settle()
    world.tell(1, resumed_from=0)
    world.settle()
    world.end("r-10-0", 137, disrupted=True)
    assert world.settle().status.start_after is None, "it has trained in between"


def test_a_word_of_a_newer_release_is_nobodys_fault() -> None:
    """An operator that is rolled back finds a run that stops for something it has never heard of: it goes on, and counts no failure."""
    world = World(run_of())
    world.settle()
    status = world.run.status.model_copy(update={"phase": RunPhase.STOPPING, "reason": "Rebalanced"})
    world.run = world.run.model_copy(update={"status": status})
    world.look()
    world.leave()
    status = world.settle().status
    assert (status.phase, status.attempt, status.failures) == (RunPhase.RUNNING, 2, 0)


def test_a_failure_on_the_way_to_a_rest_is_told_but_not_counted() -> None:
    """The attempt was ended by us, so it is not judged; what its worker said still stands in the message."""
    world = World(run_of())
    world.settle()
    world.edit(suspend=True)
    world.look()
    world.end("r-1-0", 1, "disk full")
    status = world.look().status
    assert (status.phase, status.failures, status.preemptions) == (RunPhase.SUSPENDED, 0, 0)
    assert status.message.endswith("worker r-1-0 exited with 1: disk full")


def test_a_fall_that_came_before_the_wish_to_rest_is_counted() -> None:
    """A crash, then a suspension while its peer is on the way out: one failure, and then the rest."""
    world = World(run_of(workers=2))
    world.settle()
    world.end("r-1-0", 1)
    world.look()
    world.edit(suspend=True)
    world.look()
    world.leave()
    world.settle()
    status = world.run.status
    assert (status.phase, status.failures, status.preemptions) == (RunPhase.SUSPENDED, 1, 0)


def test_never_again_is_heard_even_on_the_way_to_a_rest() -> None:
    """Exit code 93 ends a run that was about to be suspended: resuming it would be of no use."""
    world = World(run_of())
    world.settle()
    world.edit(suspend=True)
    world.look()
    world.end("r-1-0", 93, "loss spike")
    status = world.look().status
    assert (status.phase, status.reason, status.message) == (RunPhase.FAILED, "DoNotRestart", "worker r-1-0 exited with 93: loss spike")


@pytest.mark.parametrize(("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (10_000, 300)])
def test_the_wait_doubles_up_to_the_longest(failures: int, seconds: int) -> None:
    """Ten seconds, twenty, forty, and never more than five minutes, however many failures there were."""
    assert restart.wait(BackoffSpec(), failures) == timedelta(seconds=seconds)


def test_never_again_is_remembered_until_the_last_worker_has_left() -> None:
    """The worker that said it is gone when its peer leaves; what it said stands in the status."""
    world = World(run_of(workers=2))
    world.settle()
    world.end("r-1-0", 93, "loss spike")
    world.look()
    world.vanish("r-1-0")
    world.leave()
    status = world.look().status
    assert (status.phase, status.reason, status.message) == (RunPhase.FAILED, "DoNotRestart", "worker r-1-0 exited with 93: loss spike")
