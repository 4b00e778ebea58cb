"""When evictions that nobody must make are refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tandem_operator.api.status import CheckpointStatus, RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import hold
from tandem_operator.plan.policies.hold import Hold
from tandem_operator.plan.values import SaveAsked, Seen, SeenNode, SeenWorker

from .world import START, run_of

CALM, CORDONED, NOTICED = SeenNode(name="calm"), SeenNode(name="cordoned", cordoned=True), SeenNode(name="noticed", notice="")
WORKER = SeenWorker(name="r-2-0", attempt=2, rank=0, since=START, node="calm")
ON_CORDONED = SeenWorker(name="r-2-1", attempt=2, rank=1, since=START, node="cordoned")

ASKED = SaveAsked(after=300, at=START)


def _run(phase: RunPhase = RunPhase.RUNNING, saved: int | None = None) -> TrainingRun:
    run = run_of()
    checkpoint = CheckpointStatus(step=saved, uri="s3://bucket/r", at=START) if saved is not None else None
    status = {"attempt": 2, "workers": 1, "phase": phase, "checkpoint": checkpoint}
    return run.model_copy(update={"status": run.status.model_copy(update=status)})


def _seen(*workers: SeenWorker) -> Seen:
    return Seen(workers=workers, nodes=(CALM, CORDONED, NOTICED))


def _held(phase: RunPhase, *workers: SeenWorker) -> bool:
    return hold.standing(_run(phase), _seen(*workers), START).held


@pytest.mark.parametrize("phase", RunPhase)
def test_evictions_are_refused_only_while_the_run_runs(phase: RunPhase) -> None:
    """Pending it has nothing to lose, stopping it has saved what there was."""
    assert _held(phase, WORKER) is (phase is RunPhase.RUNNING)


@pytest.mark.parametrize("change", [{"node": "noticed"}, {"node": "unseen"}, {"stopping": True}])
def test_nobody_is_held_where_something_is_taken_already_or_may_be(change: dict[str, object]) -> None:
    """All workers save and leave anyway; and where nobody may look at machines, a drain that waits for us would wait for ever."""
    assert not _held(RunPhase.RUNNING, WORKER, replace(WORKER, name="r-2-1", rank=1, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"node": "cordoned", "exit_code": 0},
        {"node": "cordoned", "attempt": 1},
        {"node": "cordoned", "spare": True},
    ],
)
def test_what_happens_to_others_lets_nobody_through(change: dict[str, object]) -> None:
    """A worker that has ended, one of an older attempt, a spare."""
    assert _held(RunPhase.RUNNING, WORKER, replace(WORKER, name="r-2-1", rank=1, **change))


@pytest.mark.parametrize(("saved", "after"), [(None, 0), (300, 300)])
def test_a_cordon_asks_for_another_checkpoint(saved: int | None, after: int) -> None:
    """A cordon comes before a drain: the one that there is, if any, is not enough."""
    save, until = SaveAsked(after=after, at=START), START + timedelta(seconds=100)
    assert hold.standing(_run(saved=saved), _seen(WORKER, ON_CORDONED), START) == Hold(held=True, save=save, until=until)


@pytest.mark.parametrize(("saved", "passed", "held"), [(300, 99, True), (301, 0, False), (250, 0, False), (300, 100, False)])
def test_evictions_wait_for_the_checkpoint_but_not_for_ever(saved: int, passed: int, *, held: bool) -> None:
    """What was asked for stays what it was. An attempt that went on from before the newest answers with an earlier step."""
    leading, now = replace(WORKER, asked=ASKED), START + timedelta(seconds=passed)
    stands = hold.standing(_run(saved=saved), _seen(leading, ON_CORDONED), now)
    assert (stands.held, stands.save) == (held, ASKED)
    assert stands.until == (START + timedelta(seconds=100) if held else None)


def test_patience_is_the_grace_period_of_the_leading_pod() -> None:
    """However long its pod would have to leave, a last checkpoint may take."""
    run, seen = _run(saved=300), _seen(replace(WORKER, asked=ASKED, grace_s=25), ON_CORDONED)
    assert hold.standing(run, seen, START + timedelta(seconds=24)).held
    assert not hold.standing(run, seen, START + timedelta(seconds=25)).held


def test_nothing_is_asked_for_any_more_once_the_machine_takes_pods_again() -> None:
    """The next cordon asks anew."""
    assert hold.standing(_run(), _seen(replace(WORKER, asked=ASKED)), START + timedelta(hours=1)) == Hold(held=True)


def test_nobody_is_held_where_nobody_can_be_asked() -> None:
    """The leading worker has ended: the others save when they are evicted, if they can."""
    ended = replace(WORKER, exit_code=0, asked=ASKED)
    assert hold.standing(_run(), _seen(ended, ON_CORDONED), START) == Hold()


def test_what_was_asked_for_in_the_future_is_asked_for_anew() -> None:
    """Somebody else has written that: patience would have no end."""
    ahead = replace(WORKER, asked=replace(ASKED, at=START + timedelta(days=1)))
    assert hold.standing(_run(saved=300), _seen(ahead, ON_CORDONED), START).save == ASKED
