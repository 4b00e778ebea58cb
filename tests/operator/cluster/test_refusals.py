"""What cannot be: specs that this cluster cannot run, and pods that the API server will not have."""

import time
from collections.abc import Iterator

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.operator.cluster.api import Api
from tests.operator.cluster.definitions import taking_everything
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually

pytestmark = pytest.mark.usefixtures("kubelets", "operator")
BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"


def quota(run: Run, **hard: str) -> str:
    """The path of a quota, once it is counted."""
    path = f"/api/v1/namespaces/{run.namespace}/resourcequotas"
    run.api.create(path, {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    eventually("the quota to be counted", lambda: run.api.get(f"{path}/q").get("status", {}).get("hard") == hard)
    return f"{path}/q"


def test_without_a_lasting_place_for_checkpoints(run: Run, proxy: FaultProxy) -> None:
    """It is not accepted, nothing is started, and it is told once; an edit mends it."""
    run.create(checkpoint={"uri": "file:///kept/run"})
    said = run.until_condition("Accepted", status="False")
    assert said["message"].startswith('spec.checkpoint.uri: "file:///kept/run" goes with its pod')
    assert run.status["phase"] == "Pending"
    run.edit(deadline="1h")
    run.until(observedGeneration=2)
    eventually("it to be told", lambda: [reason for reason, _ in run.events()] == ["NotAccepted"], run.events)
    assert proxy.requests(verbs={"create"}, path=f"{run.namespace}/(pods|services)") == []
    run.edit(pod={"volumes": [{"claim": "kept", "mountPath": "/kept"}]})
    assert run.until_condition("Accepted", status="True")
    eventually("its pod to be there", run.pods)


@pytest.fixture
def lax(api: Api) -> Iterator[None]:
    """The definition as it might once have been: it takes everything."""
    with taking_everything(api, Run):
        yield


@pytest.mark.usefixtures("lax")
def test_a_run_that_cannot_be_read(run: Run, proxy: FaultProxy) -> None:
    """Stored when the definition let it pass: every mistake is named, nothing is started, and an edit mends it."""
    run.create(workers="many", colour="blue")
    said = run.until_condition("Accepted", status="False")
    assert "spec.workers:" in said["message"]
    assert "spec.colour:" in said["message"]
    assert proxy.requests(verbs={"create"}, path=f"{run.namespace}/(pods|services)") == []
    run.edit(workers=1, colour=None)
    run.until(phase="Running")


def test_over_quota(run: Run, proxy: FaultProxy) -> None:
    """It waits, says what the server says, does not ask all the time, and goes on by itself."""
    path, began_s = quota(run, pods="1"), time.monotonic()
    run.create(workers=2)
    said = run.until_condition("Scheduled", reason="WaitingForQuota")
    assert "exceeded quota: q" in said["message"]
    asked = len(proxy.requests(verbs={"create"}, path=f"{run.namespace}/pods$"))
    assert asked <= 5 + (time.monotonic() - began_s), "it asks again after seconds, later each time"
    run.api.patch(path, {"spec": {"hard": {"pods": "2"}}})
    run.until(phase="Running", attempt=1)
    assert set(run.pods()) == {"r-1-0", "r-1-1"}


def test_without_quota_for_its_service(run: Run) -> None:
    """A Service is no less needed than pods."""
    path = quota(run, **{"count/services": "0"})
    run.create(workers=2)
    said = run.until_condition("Scheduled", reason="WaitingForQuota")
    assert "exceeded quota: q" in said["message"]
    assert run.pods() == {}
    run.api.delete(path)
    run.until(phase="Running", attempt=1)


def test_without_quota_for_its_budget(run: Run, operator: Operator, kubelets: Kubelets) -> None:
    """Its workers are not held where they are, and it goes on without."""
    quota(run, **{"count/poddisruptionbudgets.policy": "0"})
    run.create()
    run.until(phase="Running")
    eventually("it to be told", lambda: "cannot be held" in operator.last_words())
    kubelets.end(run.namespace, "r-1-0", 0)
    run.until(phase="Succeeded")
    assert operator.last_words().count("cannot be held") == 1


def test_a_budget_of_its_name_that_is_somebody_elses(run: Run, operator: Operator, kubelets: Kubelets) -> None:
    """It stays as it is; the run's workers are not held where they are, and it goes on without."""
    budgets = BUDGETS.format(run.namespace)
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    theirs = run.api.create(budgets, {"metadata": {"name": "r"}, "spec": spec})
    run.create()
    run.until(phase="Running")
    eventually("it to be told", lambda: "cannot be held" in operator.last_words())
    kubelets.end(run.namespace, "r-1-0", 0)
    run.until(phase="Succeeded")
    (found,) = run.api.items(budgets)
    assert (found["spec"], found["metadata"]["generation"]) == (spec, theirs["metadata"]["generation"])
    assert "ownerReferences" not in found["metadata"]


def test_a_pod_that_is_not_admitted(run: Run, api: Api) -> None:
    """It is misconfigured, in the words of the server; once that is mended the run goes on, without an edit."""
    name = f"{run.namespace}-urgent"
    run.create(pod={"priorityClass": name})
    said = run.until_condition("Scheduled", reason="Misconfigured")
    assert f"no PriorityClass with name {name} was found" in said["message"]
    assert run.pods() == {}
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    api.create(classes, {"metadata": {"name": name}, "value": 1})
    run.until(phase="Running", attempt=1)
    api.delete(f"{classes}/{name}")


def test_a_pod_of_somebody_else_has_the_name(run: Run) -> None:
    """It is said that it is in the way; when it is gone the run goes on."""
    pods = f"/api/v1/namespaces/{run.namespace}/pods"
    run.api.create(pods, {"metadata": {"name": "r-1-0"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    run.create()
    said = eventually("it to be said", lambda: "r-1-0 is there already" in run.condition("Scheduled")["message"] if run.status else False)
    assert said
    run.api.delete(f"{pods}/r-1-0", gracePeriodSeconds=0)
    run.until(phase="Running", attempt=1)


def test_the_service_of_an_earlier_run_has_the_name(run: Run) -> None:
    """It goes with its run; until then the workers of the new one are not started."""
    services = f"/api/v1/namespaces/{run.namespace}/services"
    run.create(workers=2)
    run.until(phase="Running")
    run.api.patch(f"{services}/r-ranks", {"metadata": {"finalizers": ["tandem.test/held"]}})
    run.api.delete(run.path)
    eventually("its pods to be gone", lambda: run.pods() == {})
    run.create(workers=2)
    eventually("it to be said", lambda: run.status and "r-ranks is there already" in run.condition("Scheduled")["message"])
    assert run.pods() == {}
    run.api.patch(f"{services}/r-ranks", {"metadata": {"finalizers": None}})
    run.until(phase="Running", attempt=1)
    owners = run.api.get(f"{services}/r-ranks")["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in owners] == [run.found()["metadata"]["uid"]]
