"""Attempts in line at a real Kueue: held back and admitted as one group, sent away and resumed, and never left hanging by it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.control.kueue import ASKED_FOR, start_kueue, stop_kueue
from tests.cluster.programs import obtained
from tests.operator.cluster.api import PODS, RUNS, Api, Object
from tests.operator.cluster.kubelets import Kubelets, silent
from tests.operator.cluster.runs import Run, eventually
from tests.operator.cluster.test_shell import done
from tests.parts.fixtures import needing, say

pytestmark = pytest.mark.usefixtures("operator")

_API = "/apis/kueue.x-k8s.io/v1beta2"
_FLAVORS, _QUEUES = f"{_API}/resourceflavors", f"{_API}/clusterqueues"
_PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
_WORKER = {"cpu": "1", "memory": "1Gi", "queue": "team"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A ClusterQueue with room for three workers, and the line `team` of the test's namespace that leads there; both named after that."""

    api: Api
    namespace: str

    def admit(self, how: str) -> None:
        """`None`: whom there is room for; `Hold`: nobody; `HoldAndDrain`: nobody, and whoever is in goes out."""
        self.api.patch(f"{_QUEUES}/{self.namespace}", {"spec": {"stopPolicy": how}})

    def shut(self) -> bool:
        """Whether Kueue knows that nobody is to be let in."""
        return (_condition(self.api.get(f"{_QUEUES}/{self.namespace}"), "Active") or {}).get("status") == "False"

    def workloads(self) -> dict[str, Object]:
        return {each["metadata"]["name"]: each for each in self.api.items(f"{_API}/namespaces/{self.namespace}/workloads")}

    def said_of(self, group: str) -> str:
        """Why it has not been admitted."""
        return (_condition(self.workloads().get(group, {}), "QuotaReserved") or {}).get("message", "")

    def processors_taken(self) -> str:
        (flavor,) = self.api.get(f"{_QUEUES}/{self.namespace}")["status"]["flavorsReservation"]
        return next(each["total"] for each in flavor["resources"] if each["name"] == "cpu")

    def pods(self) -> list[Object]:
        return self.api.items(PODS.format(self.namespace))


def test_an_attempt_is_admitted_as_a_whole(run: Run, queue: Queue, kubelets: Kubelets) -> None:
    """While there is room for one of two workers none is let in, and where people look it says why; then both are."""
    other = Run(run.api, run.namespace, "other").create(workers=2, pod=_WORKER)
    other.until(phase="Running")
    run.create(workers=2, pod=_WORKER)
    run.until_condition("Scheduled", status="False", reason="WaitingForQuota")
    (group,) = {pod["metadata"]["labels"]["kueue.x-k8s.io/pod-group-name"] for pod in run.pods().values()}
    why = f"`kubectl describe workload {group} -n {run.namespace}` says why"
    run.until_condition("Scheduled", message=f"2 of 2 workers wait: r-1-0: queue team has not admitted group {group} yet; {why}")
    eventually("Kueue to say so there", lambda: "insufficient unused quota for cpu" in queue.said_of(group), queue.workloads)
    assert [pod["spec"].get("nodeName") for pod in run.pods().values()] == [None, None]
    assert sum(part["count"] for part in queue.workloads()[group]["spec"]["podSets"]) == 2
    done(other, kubelets)
    other.until(phase="Succeeded")
    run.until(phase="Running", attempt=1, preemptions=0, failures=0)
    run.until_condition("Scheduled", status="True", reason="AllWorkersUp")
    eventually("Kueue to let go of what has ended", lambda: not any("finalizers" in pod["metadata"] for pod in other.pods().values()))


def test_each_attempt_is_a_group_of_its_own(run: Run, queue: Queue, kubelets: Kubelets) -> None:
    """The room of a lost attempt is the next one's, also when its machine is not heard of and nobody says that its workers have ended."""
    run.create(workers=2, pod=_WORKER)
    run.until(phase="Running")
    kubelets.end(run.namespace, "r-1-0", 143)
    run.until(phase="Running", attempt=2, preemptions=1)
    machine = run.pods()["r-2-0"]["spec"]["nodeName"]
    kubelets.deaf |= {(run.namespace, name) for name, pod in run.pods().items() if pod["spec"]["nodeName"] == machine}
    with silent(run.api, machine):
        run.until(phase="Running", attempt=3, preemptions=2, failures=0)
        eventually("the lost workers to be gone", lambda: not any(name.startswith("r-2-") for name in run.pods()), run.pods)
    eventually("room to be taken by one attempt alone", lambda: queue.processors_taken() == "2", queue.workloads)


def test_an_attempt_that_is_sent_away_goes_on_when_there_is_room(run: Run, queue: Queue, kubelets: Kubelets, urgent: str) -> None:
    """For a run that comes first, or because the queue is drained: neither is a failure, and what Kueue says of it is told."""
    run.create(workers=2, pod=_WORKER)
    run.until(phase="Running")
    first = Run(run.api, run.namespace, "first").create(workers=2, pod={**_WORKER, "priorityClass": urgent})
    first.until(phase="Running")
    run.until(phase="Pending", attempt=2, preemptions=1, failures=0)
    run.until_condition("Scheduled", status="False", reason="WaitingForQuota")
    eventually("why it was sent away", lambda: _told(run, "Preempted to accommodate a workload"), run.events)
    done(first, kubelets)
    run.until(phase="Running", attempt=2)
    queue.admit("HoldAndDrain")
    run.until(phase="Pending", attempt=3, preemptions=2, failures=0)
    eventually("why it was sent away", lambda: _told(run, "The ClusterQueue is stopped"), run.events)
    queue.admit("None")
    run.until(phase="Running", attempt=3, preemptions=2, failures=0)


def test_a_line_that_nobody_keeps_is_told(run: Run, kubelets: Kubelets) -> None:
    """In a namespace that no Kueue serves, pods run at once, outside of the quota that somebody relies on."""
    assert kubelets
    run.create(pod=_WORKER)
    run.until(phase="Running")
    run.until_condition("Scheduled", status="True", reason="QueueIgnored")
    eventually("that to be told", lambda: any(reason == "QueueIgnored" and '"team"' in note for reason, note in run.events()), run.events)


def test_whoever_leaves_the_line_leaves_nothing_there(run: Run, queue: Queue) -> None:
    """A run that is suspended or deleted while it waits is out at once; one of its name may follow at once, and is admitted."""
    queue.admit("Hold")
    eventually("the queue to be shut", queue.shut)
    run.create(workers=2, pod=_WORKER)
    run.until_condition("Scheduled", status="False", reason="WaitingForQuota")
    run.edit(suspend=True)
    run.until(phase="Suspended", preemptions=0)
    eventually("its workers to be gone", lambda: not queue.pods(), queue.pods)
    run.edit(suspend=False)
    run.until_condition("Scheduled", status="False", reason="WaitingForQuota")
    queue.admit("None")
    run.until(phase="Running", attempt=2)
    for attempt in (1, 1):  # the second one follows on a group of the same attempt
        run.api.delete(run.path)
        run.create(workers=2, pod=_WORKER)
        run.until(phase="Running", attempt=attempt)
    run.api.delete(run.path)
    eventually("all to be gone", lambda: not queue.pods() and not queue.workloads(), lambda: [queue.pods(), queue.workloads()])


@pytest.fixture(scope="module")
def _kueue_serves(request: pytest.FixtureRequest, api_cluster: Cluster) -> Iterator[None]:
    """Kueue, as long as the tests of this file last."""
    with needing("kueue", request.config):
        programs = obtained(lambda line: say(request.config, line), kueue=True)
    try:
        start_kueue(api_cluster.site, programs)
        yield
    finally:
        stop_kueue(api_cluster.site, programs)


@pytest.fixture
def queue(api: Api, namespace: str, kubelets: Kubelets, _kueue_serves: None) -> Iterator[Queue]:  # noqa: ARG001
    """It is gone afterwards, and so is all that Kueue would have to let go of."""
    api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": ASKED_FOR}})
    api.create(_FLAVORS, _object("ResourceFlavor", namespace))
    room = [{"name": "cpu", "nominalQuota": "3"}, {"name": "memory", "nominalQuota": "1Ti"}]
    groups = [{"coveredResources": ["cpu", "memory"], "flavors": [{"name": namespace, "resources": room}]}]
    rules = {"namespaceSelector": {}, "preemption": {"withinClusterQueue": "LowerPriority"}, "stopPolicy": "None"}
    api.create(_QUEUES, _object("ClusterQueue", namespace, spec={"resourceGroups": groups, **rules}))
    api.create(f"{_API}/namespaces/{namespace}/localqueues", _object("LocalQueue", "team", spec={"clusterQueue": namespace}))
    queue = Queue(api=api, namespace=namespace)
    yield queue
    for left in api.items(RUNS.format(namespace)):
        api.delete(f"{RUNS.format(namespace)}/{left['metadata']['name']}")
    eventually("all to be gone", lambda: not queue.pods() and not queue.workloads(), lambda: [queue.pods(), queue.workloads()])
    for path in (f"{_QUEUES}/{namespace}", f"{_FLAVORS}/{namespace}"):
        api.delete(path)
        eventually(f"{path} to be gone", lambda path=path: not api.exists(path))


@pytest.fixture
def urgent(api: Api, namespace: str) -> Iterator[str]:
    """The name of a PriorityClass that comes before all others, and takes no machine away by itself."""
    name = f"urgent-{namespace}"
    body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
    api.create(_PRIORITIES, {**body, "value": 1000, "preemptionPolicy": "Never"})
    yield name
    api.delete(f"{_PRIORITIES}/{name}")


def _object(kind: str, name: str, **more: Any) -> Object:
    return {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": {"name": name}, **more}


def _condition(found: Object, kind: str) -> Object | None:
    return next((each for each in found.get("status", {}).get("conditions", []) if each["type"] == kind), None)


def _told(run: Run, words: str) -> bool:
    return any(reason == "Interrupted" and words in note for reason, note in run.events())
