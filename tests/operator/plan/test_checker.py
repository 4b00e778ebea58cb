"""The checker of worlds: it accepts what the tests play, and names what cannot be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tandem_operator.plan.values import Report, Seen, SeenNode, SeenWorker, Tier, Waiting

from . import checker
from .world import START, run_of

LATER = START + timedelta(hours=1)
WORKER = SeenWorker(name="r-1-0", attempt=1, rank=0, since=START, node="n")
SEEN = Seen(workers=(WORKER,), nodes=(SeenNode(name="n"),), report=Report(attempt=1, step=5, at=START))
RUN = run_of()
RUN = RUN.model_copy(update={"status": RUN.status.model_copy(update={"attempt": 1})})


def test_a_possible_world_passes() -> None:
    """One live worker, its node and its report."""
    checker.check(RUN, SEEN, START)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "r-1-1"}, "not named after"),
        ({"name": "r-2-0", "attempt": 2}, "never written"),
        ({"since": LATER}, "begin later"),
        ({"exit_code": 0, "until": START - timedelta(1)}, "ended before it began"),
        ({"until": START}, "lives, and yet"),
        ({"exit_code": -9, "until": START}, "which no process can"),
        ({"node": "elsewhere"}, "which is not seen"),
        ({"fenced": True, "until": START}, "lives, and yet"),
        ({"exit_code": 0, "waiting": Waiting(tier=Tier.START, placed=True)}, "has ended, and yet waits"),
        ({"waiting": Waiting(tier=Tier.NODE)}, "has no machine, and yet"),
        ({"waiting": Waiting(tier=Tier.NODE), "node": "", "fenced": True}, "has no machine, and yet"),
    ],
)
def test_an_impossible_worker_is_refused(change: dict[str, Any], problem: str) -> None:
    """Each impossibility is called by its name."""
    with pytest.raises(AssertionError, match=problem):
        checker.check(RUN, replace(SEEN, workers=(replace(WORKER, **change),)), START)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"attempt": 2}, "never written"),
        ({"at": LATER}, "of the future"),
        ({"resumed_from_step": 6}, "comes before"),
    ],
)
def test_an_impossible_report_is_refused(change: dict[str, Any], problem: str) -> None:
    """A report cannot know what has not been."""
    with pytest.raises(AssertionError, match=problem):
        checker.check(RUN, replace(SEEN, report=Report(**{"attempt": 1, "step": 5, "at": START, **change})), START)


def test_nobody_is_seen_twice() -> None:
    """Names are unique, of workers and of nodes."""
    with pytest.raises(AssertionError, match=r"worker r-1-0 is seen twice.*node n is seen twice"):
        checker.check(RUN, replace(SEEN, workers=SEEN.workers * 2, nodes=SEEN.nodes * 2), START)
