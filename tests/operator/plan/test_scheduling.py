"""Why a run does not run yet, in one reason and the platform's own words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import scheduling
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen, SeenWorker, Tier, Waiting

from .world import START, Room, World, run_of

WORKER = SeenWorker(name="r-2-0", attempt=2, rank=0, since=START)


def _pending(workers: int = 1, **status: Any) -> TrainingRun:
    run = run_of(workers=workers)
    return run.model_copy(update={"status": run.status.model_copy(update={"attempt": 2, "workers": workers, **status})})


def _said(run: TrainingRun, *workers: SeenWorker) -> tuple[bool, str, str]:
    found = scheduling.standing(run, Seen(workers=workers), START)
    return found.scheduled, found.reason, found.message


def _waiting(rank: int, tier: Tier, message: str = "", *, placed: bool = False) -> SeenWorker:
    return replace(WORKER, name=f"r-2-{rank}", rank=rank, waiting=Waiting(tier=tier, message=message, placed=placed))


@pytest.mark.parametrize(("worst", "next_worst"), list(zip(Tier, list(Tier)[1:], strict=False)))
def test_the_worst_that_holds_up_a_worker_is_the_reason(worst: Tier, next_worst: Tier) -> None:
    """Tiers have an order: what only a person can mend comes before what passes by itself."""
    workers = (_waiting(0, next_worst, "passes"), _waiting(1, worst, "0/3  nodes\nfit"))
    assert _said(_pending(3), WORKER, *workers) == (False, worst, "2 of 3 workers wait: r-2-1: 0/3 nodes fit")


@pytest.mark.parametrize(
    ("tier", "placed", "scheduled"),
    [
        (Tier.START, True, True),
        (Tier.START, False, False),
        (Tier.IMAGE, True, False),
        (Tier.MISCONFIGURED, True, False),
        (Tier.NODE, False, False),
    ],
)
def test_a_worker_with_a_machine_is_held_up_by_all_but_its_start(tier: Tier, placed: bool, scheduled: bool) -> None:  # noqa: FBT001 -- a table
    """It has all it needs; an image that is being pulled, or cannot be pulled, is worth telling."""
    found = _said(_pending(), _waiting(0, tier, placed=placed))
    assert found == ((True, "AllWorkersPlaced", "") if scheduled else (False, tier, "1 of 1 workers waits: r-2-0"))


def test_of_two_workers_that_wait_for_the_same_the_first_is_quoted_in_at_most_a_thousand_characters() -> None:
    """Schedulers tell of every node there is."""
    _, _, message = _said(_pending(2), _waiting(1, Tier.QUOTA, "second"), _waiting(0, Tier.QUOTA, "x" * 5000))
    assert message == "2 of 2 workers wait: r-2-0: " + "x" * 1000


def test_before_anything_is_started_it_is_said_why() -> None:
    """An old attempt that has not left, a wait after a failure, or the start itself."""
    old = SeenWorker(name="r-1-0", attempt=1, rank=0, since=START)
    waiting = _pending(start_after=START + timedelta(seconds=5))
    assert _said(waiting, old) == (False, "WaitingForOldAttempt", "worker r-1-0 of another attempt has not left yet")
    assert _said(waiting) == (False, "BackingOff", "attempt 2 starts at 00:00:05 UTC")
    assert _said(_pending(start_after=START)) == (False, "Starting", "attempt 2 is being started")
    assert _said(_pending(), replace(old, exit_code=0)) == (False, "Starting", "attempt 2 is being started")
    assert _said(_pending(2), WORKER) == (False, "Starting", "attempt 2 is being started")
    assert _said(run_of(), old)[1] == "WaitingForOldAttempt"


def test_a_worker_that_has_ended_waits_for_nothing_whatever_was_said_of_it_last() -> None:
    """A pod that was evicted before it had a machine still says what it waited for."""
    ended = replace(_waiting(0, Tier.NODE), exit_code=0)
    assert _said(_pending(), ended) == (True, "AllWorkersPlaced", "")
    assert scheduling.unplaced(_pending(), Seen(workers=(ended, _waiting(1, Tier.NODE)))) == (_waiting(1, Tier.NODE),)


@pytest.mark.parametrize(("since_s", "pending_s", "waits_s"), [((5, 3), 0, 3), ((5, 3), 4, 4), ((5, 3), None, 3)])
def test_the_longest_wait_counts_from_its_start_but_never_from_before_the_attempt(
    since_s: tuple[int, ...], pending_s: int | None, waits_s: int
) -> None:
    """API servers keep whole seconds, so a pod may seem older than the attempt that it belongs to."""
    pending_since = None if pending_s is None else START + timedelta(seconds=pending_s)
    workers = [replace(WORKER, since=START + timedelta(seconds=seconds)) for seconds in since_s]
    assert scheduling.waiting_since(_pending(pending_since=pending_since).status, workers) == START + timedelta(seconds=waits_s)


@pytest.mark.parametrize("phase", [phase for phase in RunPhase if phase is not RunPhase.PENDING])
def test_a_run_that_does_not_wait_says_so(phase: RunPhase) -> None:
    """All are up, or there is nothing to place."""
    found = _said(_pending(phase=phase), _waiting(0, Tier.QUOTA))
    assert found == ((True, "AllWorkersUp", "") if phase is RunPhase.RUNNING else (False, phase, ""))


def test_a_run_runs_only_when_its_last_worker_is_up_and_says_until_then_since_when_it_waits() -> None:
    """Present is not up: the second worker has no machine for a minute, and an image to pull for another."""
    world = World(run_of(workers=2))
    world.make_room(Room(workers=1))
    world.settle()
    world.wait(timedelta(minutes=1))
    world.slow_down(Waiting(tier=Tier.IMAGE, placed=True))
    world.make_room(Room())
    world.settle()
    assert (world.run.status.phase, world.run.status.pending_since) == (RunPhase.PENDING, START)
    world.slow_down(None)
    world.settle()
    assert (world.run.status.phase, world.run.status.pending_since) == (RunPhase.RUNNING, None)
    world.edit(suspend=True)
    world.settle()
    world.leave()
    world.settle()
    world.edit(suspend=False)
    world.make_room(Room(workers=0))
    world.wait(timedelta(minutes=1))
    world.settle()
    assert world.run.status.pending_since == START + timedelta(minutes=2)
    world.edit(suspend=True)
    assert world.look().status.pending_since is None


def test_what_is_waited_for_is_told_once_as_a_warning_only_where_a_person_is_needed() -> None:
    """The scheduler's words change with every node that comes and goes; its reason does not."""
    world = World(run_of())
    world.make_room(Room(workers=0, others=Waiting(tier=Tier.NO_CAPACITY, message="3 nodes")))
    told = [event for _ in range(4) for event in world.look().events]
    for tier, message in ((Tier.NO_CAPACITY, "4 nodes"), (Tier.MISCONFIGURED, "no such label"), (Tier.START, ""), (Tier.NODE, "")):
        world.make_room(Room(workers=0, others=Waiting(tier=tier, message=message)))
        told += world.look().events
    assert [(event.kind, event.reason) for event in told[1:]] == [
        ("Normal", "NoCapacity"),
        ("Warning", "Misconfigured"),
        ("Normal", "WaitingForNode"),
    ]


def test_a_line_that_nobody_keeps_is_told_once_the_attempt_runs() -> None:
    """It runs all the same: whether there is a line is not for the run to say."""
    world = World(run_of(pod={"cpu": "1", "memory": "1Gi", "queue": "team"}))
    world.settle()
    assert world.run.status.phase is RunPhase.RUNNING
    world.workers["r-1-0"] = replace(world.workers["r-1-0"], unqueued=True)
    told = world.look().events
    assert [(event.kind, event.reason) for event in told] == [("Warning", "QueueIgnored")]
    assert 'pod.queue: "team"' in told[0].message
    assert world.look().events == ()


def test_a_worker_that_waits_again_was_lost() -> None:
    """Its process is gone, so its peers wait for it in vain: the attempt is over, and nobody's fault."""
    world = World(run_of(workers=2))
    world.settle()
    world.workers["r-1-1"] = replace(world.workers["r-1-1"], waiting=Waiting(tier=Tier.START, placed=True))
    made = world.look()
    assert (made.status.phase, made.status.reason, made.status.message) == ("Stopping", "Lost", "gone without a word: worker r-1-1")


def test_what_the_platform_refuses_is_why_the_run_waits() -> None:
    """Pods over a quota do not exist, so nothing can be read off them: the refusal itself is told, until one is let in."""
    run = run_of(workers=2)
    world = World(run)
    world.look()
    over = Waiting(tier=Tier.QUOTA, message='pods "r-1-0" is forbidden: exceeded quota: cards')
    made = plan(world.run, Seen(refused=over), world.now)
    found = next(condition for condition in made.status.conditions if condition.type == "Scheduled")
    assert (found.status, found.reason) == ("False", "WaitingForQuota")
    assert "exceeded quota: cards" in found.message
    assert [worker.name for worker in made.start] == ["r-1-0", "r-1-1"]
