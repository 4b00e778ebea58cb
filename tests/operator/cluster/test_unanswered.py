"""What was done, though nobody answered: it is found out, and neither done twice nor kept from people."""

import time

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.runs import Run, eventually

pytestmark = pytest.mark.usefixtures("operator")
STATUS = "{}/trainingruns/r/status"


@pytest.fixture
def run(api: Api, namespace: str) -> Run:
    return Run(api, namespace, "r")


@pytest.mark.usefixtures("kubelets")
def test_a_pod_that_was_made_by_the_spec_before_an_edit(run: Run, proxy: FaultProxy) -> None:
    """The watch has not told of it, and it cannot be made anew meanwhile: it leaves, and the edited spec begins with the next attempt."""
    watches = {"verbs": {"watch"}, "path": f"{run.namespace}/pods$"}
    late = proxy.inject(Fault(kind=Kind.LATE, seconds=3600), **watches)
    # the first of an operator that was just started may be about to be opened: no cut meets it then
    eventually("the watch to be late", lambda: Kind.LATE in [each.fault for each in proxy.requests(**watches)] or proxy.cut_watches())
    creates = {"verbs": {"create"}, "path": f"{run.namespace}/pods$"}
    proxy.program([Fault(kind=Kind.LOST_ANSWER)], **creates)
    broken = proxy.inject(Fault(kind=Kind.BROKEN), **creates)
    run.create()
    eventually("its worker to be made", run.pods)
    run.edit(workers=2)
    proxy.clear(broken)
    run.until(observedGeneration=2)
    proxy.clear(late)
    proxy.cut_watches()
    run.until(phase="Running", attempt=2)
    eventually("the first to be gone", lambda: set(run.pods()) == {"r-2-0", "r-2-1"}, run.pods)


def test_a_pod_that_cannot_be_made_is_tried_again_later_each_time(run: Run, proxy: FaultProxy) -> None:
    """Though it is found out each time whether it was made."""
    creates = {"verbs": {"create"}, "path": f"{run.namespace}/pods$"}
    proxy.inject(Fault(kind=Kind.BROKEN), **creates)
    began_s = time.monotonic()
    run.create()
    eventually("tries", lambda: len(proxy.requests(**creates)) > 6)
    assert time.monotonic() - began_s > 0.1 * (1 + 2 + 4 + 8 + 16), "each pause is at least half of twice the one before"


@pytest.mark.usefixtures("kubelets")
@pytest.mark.parametrize(
    "lost",
    [(Fault(kind=Kind.LOST_ANSWER), Fault(kind=Kind.LOST_REQUEST), Fault(kind=Kind.BROKEN)), (Fault(kind=Kind.TIMED_OUT),)],
    ids=["unanswered", "said to have failed"],
)
def test_what_a_status_says_is_told_though_nobody_answered_its_writing(run: Run, proxy: FaultProxy, lost: tuple[Fault, ...]) -> None:
    """By the look that finds it written, which may be one that comes after others that are not answered either."""
    run.create()
    run.until(phase="Running")
    proxy.program(lost, verbs={"patch"}, path=STATUS.format(run.namespace))
    run.edit(suspend=True)
    run.until(phase="Suspended")
    assert proxy.met(lost[0].kind) == 1
    run.edit(suspend=False)
    run.until(phase="Running", attempt=2)
    told = ["Accepted", "Running", "SuspendRequested", "Suspended", "Resumed", "Running"]
    eventually("all of it to be told", lambda: [reason for reason, _ in run.events()] == told, run.events)


def test_workers_that_leave_for_a_better_spec_are_not_interrupted(run: Run, kubelets: Kubelets, proxy: FaultProxy) -> None:
    """However long it cannot be written why they leave: nobody pays for more than was wished, and they stay until it can."""
    kubelets.idle.add((run.namespace, "r-1-0"))
    run.create()
    run.until(attempt=1)
    eventually("its worker to wait", run.pods)
    broken = proxy.inject(Fault(kind=Kind.BROKEN), verbs={"patch"}, path=STATUS.format(run.namespace))
    run.edit(restart={"maxFailures": 7})
    eventually("looks to fail", lambda: proxy.met(Kind.BROKEN) > 7)
    assert not [pod for pod in run.pods().values() if "deletionTimestamp" in pod["metadata"]]
    proxy.clear(broken)
    run.edit(restart={"maxFailures": 8})  # whatever wakes the operator up, which waits for longer each time
    run.until(phase="Running", attempt=2, preemptions=0)
