"""What has the name of something that a run is about to make: what is left of an earlier run, and what belongs to others."""

import time

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api, Object
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.runs import Run, eventually

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def run(api: Api, namespace: str) -> Run:
    return Run(api, namespace, "r")


def said(run: Run, words: str) -> bool:
    """Whether the run says so of its workers' places."""
    found = run.condition("Scheduled")
    return bool(found) and words in found["message"]


def test_pods_of_a_later_attempt_are_waited_for_too(run: Run, kubelets: Kubelets) -> None:
    """They have other names than those of the new run, and may still write where it will."""
    run.create()
    run.until(phase="Running")
    kubelets.end(run.namespace, "r-1-0", 143)
    run.until(phase="Running", attempt=2)
    kubelets.deaf.add((run.namespace, "r-2-0"))
    run.api.delete(run.path)
    eventually("it to be gone", lambda: not run.api.exists(run.path))
    run.create()
    eventually("the wait to be said", lambda: said(run, "pod r-2-0 of a deleted run of this name has not left yet"), lambda: run.status)
    new = run.found()["metadata"]["uid"]
    assert new not in {pod["metadata"]["labels"]["tandem.dev/run-uid"] for pod in run.pods().values()}
    kubelets.let_go(run.namespace, "r-2-0")
    run.until(phase="Running", attempt=1)
    assert {pod["metadata"]["labels"]["tandem.dev/run-uid"] for pod in run.pods().values()} == {new}


@pytest.mark.usefixtures("kubelets")
def test_pods_that_were_kept_are_named_with_what_to_do(run: Run) -> None:
    """Whoever deletes a run without its pods (`--cascade=orphan`) is told that the next one of its name waits for them."""
    run.create()
    run.until(phase="Running")
    run.api.delete(run.path, propagationPolicy="Orphan")
    eventually("it to be gone", lambda: not run.api.exists(run.path))
    run.create()
    eventually("advice", lambda: said(run, f"`kubectl delete pod r-1-0 -n {run.namespace}`"), lambda: run.status)
    run.api.delete(f"{PODS.format(run.namespace)}/r-1-0")
    run.until(phase="Running", attempt=1)


@pytest.mark.usefixtures("kubelets")
def test_a_service_of_somebody_else(run: Run) -> None:
    """It is never taken over: people are told what to do, and nothing is started that could not be found."""
    services = f"/api/v1/namespaces/{run.namespace}/services"
    run.api.create(services, {"metadata": {"name": "r-ranks"}, "spec": {"ports": [{"port": 80}]}})
    run.create(workers=2)
    found = run.until_condition("Scheduled", reason="Misconfigured")
    assert "Service r-ranks is there already, and is no run's: delete it, or give the run another name" in found["message"]
    assert run.pods() == {}
    run.api.delete(f"{services}/r-ranks")
    run.until(phase="Running", attempt=1)


def foreign(name: str) -> Object:
    """A pod that somebody made by hand."""
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def look_anew(run: Run, proxy: FaultProxy) -> None:
    """Wait until the operator has begun another look."""
    looks = len(proxy.requests(verbs={"list"}, path=f"{run.namespace}/pods$"))
    eventually("another look", lambda: len(proxy.requests(verbs={"list"}, path=f"{run.namespace}/pods$")) > looks)


@pytest.mark.usefixtures("kubelets")
def test_a_pod_of_somebody_else(run: Run, proxy: FaultProxy) -> None:
    """It is said which pod, whose, and what to do, as a warning, too; nothing is held or spent meanwhile, and it goes on by itself."""
    pods = PODS.format(run.namespace)
    theirs = run.api.create(f"{pods}?fieldManager=a-colleague", foreign("r-1-1"))
    said_of_it = {"conditions": [{"type": "tandem.test/noticed", "status": "True"}]}
    run.api.patch(f"{pods}/r-1-1/status", {**{part: theirs[part] for part in ("apiVersion", "kind")}, "status": said_of_it}, "apply")
    began_s, usd_per_s = time.monotonic(), 1
    run.create(workers=2, budget={"usd": 1000, "usdPerWorkerHour": 3600 * usd_per_s})
    found = run.until_condition("Scheduled", reason="Misconfigured")
    told = f"pod r-1-1 is there already, and was made by a-colleague: `kubectl delete pod r-1-1 -n {run.namespace}`, or give the run"
    assert told in found["message"]
    eventually("the other worker to be taken back", lambda: not run.pods())
    look_anew(run, proxy)
    held_s = time.monotonic() - began_s + 2  # by now the operator knows, too; and the API server tells times in whole seconds
    eventually("the warning", lambda: any(reason == "Misconfigured" and told in note for reason, note in run.events()), run.events)
    tries = len(proxy.requests(verbs={"create"}, path=f"{run.namespace}/pods$"))
    look_anew(run, proxy)
    assert len(proxy.requests(verbs={"create"}, path=f"{run.namespace}/pods$")) == tries, "it looks, and makes nothing"
    assert float(run.status.get("spentUsd", 0)) <= usd_per_s * held_s, "nothing is paid for once the other worker was taken back"
    run.api.delete(f"{pods}/r-1-1", gracePeriodSeconds=0)
    run.until(phase="Running", attempt=1)
    assert (run.status["preemptions"], run.status["failures"]) == (0, 0)


@pytest.mark.usefixtures("kubelets")
def test_what_stands_beside_a_taken_name_is_taken_back_though_the_server_will_not_at_first(run: Run, proxy: FaultProxy) -> None:
    """Not once it has failed forgotten, on its machine: it is tried again, and paid for until it is gone."""
    pods = PODS.format(run.namespace)
    run.api.create(pods, foreign("r-1-1"))
    ours = {"verbs": {"delete"}, "path": f"{run.namespace}/pods/r-1-0$"}
    proxy.inject(Fault(kind=Kind.LATE, seconds=0.3), verbs={"watch"}, path="/pods$")  # so answers are lost before anybody tells
    proxy.cut_watches()
    trouble = proxy.inject(Fault(kind=Kind.BROKEN), **ours)
    proxy.program([Fault(kind=Kind.LOST_REQUEST), Fault(kind=Kind.LOST_ANSWER)], **ours)
    run.create(workers=2, budget={"usd": 1000, "usdPerWorkerHour": 3600})
    eventually("the other worker to come up", lambda: any(pod["status"].get("phase") == "Running" for pod in run.pods().values()))
    eventually("tries to take it back", lambda: proxy.met(Kind.BROKEN) > 2)
    proxy.clear(trouble)
    eventually("it to be taken back", lambda: not run.pods())
    run.until_condition("Scheduled", reason="Misconfigured")
    eventually("it to be paid for", lambda: float(run.status.get("spentUsd", 0)), lambda: run.status)
    run.api.delete(f"{pods}/r-1-1", gracePeriodSeconds=0)
    run.until(phase="Running", attempt=1, preemptions=0, failures=0)


@pytest.mark.usefixtures("kubelets")
def test_a_name_that_is_not_wanted_any_more_is_in_nobodys_way(run: Run) -> None:
    """After a rest the run has other names, and goes on under them although the pod is still there."""
    run.api.create(PODS.format(run.namespace), foreign("r-1-1"))
    run.create(workers=2)
    run.until_condition("Scheduled", reason="Misconfigured")
    run.edit(suspend=True)
    run.until(phase="Suspended")
    run.edit(suspend=False)
    run.until(phase="Running", attempt=2)


@pytest.mark.usefixtures("kubelets")
def test_a_pod_that_somebody_else_keeps(run: Run) -> None:
    """Whoever would make it anew is named: that is what has to go."""
    pods = PODS.format(run.namespace)
    kept = run.api.create(f"/api/v1/namespaces/{run.namespace}/configmaps", {"metadata": {"name": "plan"}})
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "plan", "uid": kept["metadata"]["uid"], "controller": True}
    run.api.create(pods, {**foreign("r-1-0"), "metadata": {"name": "r-1-0", "ownerReferences": [owner]}})
    run.create()
    found = run.until_condition("Scheduled", reason="Misconfigured")
    assert "pod r-1-0 is there already, and belongs to ConfigMap plan: take ConfigMap plan away, or give" in found["message"]
