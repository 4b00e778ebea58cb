"""When evictions that nobody must make are refused."""

from dataclasses import replace

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import hold
from tandem_operator.plan.values import Seen, SeenNode, SeenWorker

from .world import START, run_of

CALM, CORDONED, NOTICED = SeenNode(name="calm"), SeenNode(name="cordoned", cordoned=True), SeenNode(name="noticed", notice="")
WORKER = SeenWorker(name="r-2-0", attempt=2, rank=0, since=START, node="calm")


def _held(phase: RunPhase, *workers: SeenWorker) -> bool:
    run = run_of()
    run = run.model_copy(update={"status": run.status.model_copy(update={"attempt": 2, "workers": 1, "phase": phase})})
    return hold.wanted(run, Seen(workers=workers, nodes=(CALM, CORDONED, NOTICED)))


@pytest.mark.parametrize("phase", RunPhase)
def test_evictions_are_refused_only_while_the_run_runs(phase: RunPhase) -> None:
    """Pending it has nothing to lose, stopping it has saved what there was."""
    assert _held(phase, WORKER) is (phase is RunPhase.RUNNING)


@pytest.mark.parametrize("change", [{"node": "cordoned"}, {"node": "noticed"}, {"stopping": True}])
def test_nobody_is_held_where_something_is_about_to_be_taken(change: dict[str, object]) -> None:
    """A cordon comes before a drain; whoever drains is let through at once, for all workers."""
    assert not _held(RunPhase.RUNNING, WORKER, replace(WORKER, name="r-2-1", rank=1, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"node": "unseen"},
        {"node": "cordoned", "exit_code": 0},
        {"node": "cordoned", "attempt": 1},
        {"node": "cordoned", "spare": True},
    ],
)
def test_what_happens_to_others_lets_nobody_through(change: dict[str, object]) -> None:
    """A machine nothing is known of, a worker that has ended, one of an older attempt, a spare."""
    assert _held(RunPhase.RUNNING, WORKER, replace(WORKER, name="r-2-1", rank=1, **change))
