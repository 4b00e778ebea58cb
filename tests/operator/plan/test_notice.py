"""When the ground gives way under an attempt."""

from dataclasses import replace

import pytest
from tandem_operator.plan.policies import notice
from tandem_operator.plan.values import Seen, SeenNode, SeenWorker

from .world import START, run_of

RUN = run_of()
RUN = RUN.model_copy(update={"status": RUN.status.model_copy(update={"attempt": 2})})
FIRM, SHAKY = SeenNode(name="firm"), SeenNode(name="shaky", notice="interruption in 120 s")
WORKER = SeenWorker(name="r-2-0", attempt=2, rank=0, since=START, node="shaky")
DONE = replace(WORKER, exit_code=0, until=START)


@pytest.mark.parametrize(
    "worker",
    [
        WORKER,
        replace(WORKER, node="firm", disrupted=True),
        replace(DONE, exit_code=137, disrupted=True),
        replace(WORKER, node="firm", stopping=True),
    ],
)
def test_an_attempt_is_interrupted_by_a_notice_and_by_an_eviction(worker: SeenWorker) -> None:
    """The node of a live worker is about to go, or the platform ends a worker, or has ended it, or somebody else asked it to leave."""
    assert notice.given(RUN, Seen(workers=(worker,), nodes=(FIRM, SHAKY)))


@pytest.mark.parametrize(
    "worker",
    [
        DONE,
        replace(DONE, disrupted=True),
        replace(DONE, exit_code=143),
        replace(DONE, exit_code=143, stopping=True),
        replace(WORKER, spare=True, disrupted=True, stopping=True),
        replace(WORKER, node="firm"),
        replace(WORKER, node="unseen"),
        replace(WORKER, name="r-1-0", attempt=1),
    ],
)
def test_what_is_done_or_not_ours_interrupts_nothing(worker: SeenWorker) -> None:
    """A worker that has finished needs no ground, and what happens to older attempts is over."""
    assert notice.given(RUN, Seen(workers=(worker,), nodes=(FIRM, SHAKY))) is None


def test_what_is_known_best_is_said_of_an_interruption() -> None:
    """A drained pod is deleted by its eviction; a pod on a machine with a notice is deleted because of that."""
    run = RUN.model_copy(update={"status": RUN.status.model_copy(update={"workers": 1})})
    evicted, told, noticed, asked = (
        notice.given(run, Seen(workers=(replace(WORKER, stopping=True, **change),), nodes=(FIRM, SHAKY)))
        for change in ({"disrupted": True}, {"disrupted": True, "disruption": "somebody comes first"}, {}, {"node": "firm"})
    )
    assert evicted
    assert told
    assert noticed
    assert asked
    assert evicted.message == "worker r-2-0 is evicted from its machine"
    assert told.message == "worker r-2-0 is evicted from its machine: somebody comes first"
    assert noticed.message.startswith("node shaky, which holds worker r-2-0, is about to go")
    assert asked.message == "worker r-2-0 was asked to leave by somebody else"
