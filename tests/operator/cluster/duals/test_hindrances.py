"""A DualRun on a real API server that something stands in the way of: what is said of it, and that it goes on once that is gone."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.definitions import taking_everything
from tests.operator.cluster.duals.conftest import ALL
from tests.operator.cluster.kubelets import Kubelets, silent
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import DUAL_SPEC, DualRun, eventually


def test_what_a_conflict_over_a_quota_kept_from_being_made_is_made(operator: Operator, run: DualRun, proxy: FaultProxy) -> None:
    """It is no sign that a thing is there already: no coordinator would ever come up without its Secret, Service or disk."""
    needed = ("secrets", "services", "persistentvolumeclaims")
    for collection in needed:
        proxy.program([Fault(kind=Kind.CONFLICT)], verbs={"create"}, path=f"{run.namespace}/{collection}$")
    run.create()
    run.until_pods(*ALL)
    assert proxy.met(Kind.CONFLICT) == len(needed)
    uid = run.found()["metadata"]["uid"]
    for collection in needed:
        found = run.api.items(f"/api/v1/namespaces/{run.namespace}/{collection}")
        assert [each for each in found if each["metadata"].get("ownerReferences", [{}])[0].get("uid") == uid], collection
    assert operator.runs


def test_a_run_is_told_of_though_no_pod_can_be_made(operator: Operator, run: DualRun, kubelets: Kubelets, proxy: FaultProxy) -> None:
    """A webhook that is down keeps one part from coming back, and not what the run has cost from being written."""
    run.create()
    run.until_pods(*ALL)
    trouble = proxy.inject(Fault(kind=Kind.BROKEN), verbs={"create"}, path=f"{run.namespace}/pods$")
    kubelets.end(run.namespace, "d-worker-0-1", 137)
    eventually("tries to start it again", lambda: proxy.met(Kind.BROKEN))
    run.edit(ttlSecondsAfterFinished=3600)
    run.until(observedGeneration=2)
    proxy.clear(trouble)
    run.until_pods(*ALL)
    assert operator.runs


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (
            {"lanes": [{"name": "local", "kind": "Local", "engine": {"server": "Vllm", "model": "m"}}], "budget": {}},
            "spec.lanes[0].engine.image",
        ),
        ({"memory": {"namespace": "philosophy"}}, "spec.memory.address"),
        ({"lanes": [{**DUAL_SPEC["lanes"][0], "apiKeyVariable": "KEY"}]}, "spec.lanes[0].apiKeyVariable"),
    ],
)
def test_what_a_cluster_cannot_do_is_said_and_starts_nothing(
    operators: Callable[..., Operator], run: DualRun, settings: dict[str, str], spec: dict[str, Any], field: str
) -> None:
    """A condition with field and fix; an edit is enough to go on."""
    operators(**settings).start()
    run.create(**spec)
    condition = run.until_condition("Accepted", status="False", reason="NotAccepted")
    assert condition["message"].startswith(f"{field}: ")
    assert not run.pods()
    run.edit(lanes=DUAL_SPEC["lanes"], memory=None)
    run.until_condition("Accepted", status="True")
    eventually("a coordinator", run.pods)


def test_an_edit_that_is_refused_disturbs_nobody(operator: Operator, run: DualRun) -> None:
    """Parts go on by what they were told, however often the run is looked at; once it is mended, the edit reaches them."""
    run.create()
    before = {pod["metadata"]["uid"] for pod in run.until_pods(*ALL).values()}
    run.until(phase="Running")
    local, cloud = DUAL_SPEC["lanes"]
    run.edit(lanes=[{**local, "apiKeyVariable": "KEY"}, cloud])
    run.until_condition("Accepted", status="False", observedGeneration=2)
    for look in (3, 4):
        run.edit(ttlSecondsAfterFinished=3600 + look)
        run.until_condition("Accepted", status="False", observedGeneration=look)
    assert {pod["metadata"]["uid"] for pod in run.pods().values() if "deletionTimestamp" not in pod["metadata"]} == before
    assert run.status["phase"] == "Running"
    run.edit(lanes=[{**local, "apiKeySecret": cloud["apiKeySecret"]}, cloud])
    run.until_condition("Accepted", status="True")
    names = {f"d-{slot}-2" for slot in ALL}
    eventually("all to be told", lambda: {pod["metadata"]["name"] for pod in run.until_pods(*ALL).values()} == names, run.pods)
    assert operator.runs


def test_fields_of_a_newer_release_take_no_limit_from_it(operator: Operator, run: DualRun, api: Api) -> None:
    """They are named, and what this release does know is heeded, such as that it is to rest."""
    run.create()
    run.until_pods(*ALL)
    with taking_everything(api, DualRun):
        run.edit(colour="blue", suspend=True)
        said = run.until_condition("Accepted", status="False")
        assert said["message"].startswith("spec.colour: ")
        run.until(phase="Suspended")
    assert operator.runs


def test_a_run_whose_pods_have_no_machine_says_what_the_scheduler_says(operator: Operator, run: DualRun) -> None:
    """The tier is the reason, the scheduler's words are the message; an edit leads the next start elsewhere."""
    run.create(placement={"spot": "Never", "nodeSelector": {"tandem.test/pool": "none"}})
    condition = run.until_condition("Scheduled", status="False", reason="NoCapacity")
    assert condition["message"].startswith("1 of 3 parts waits: d-coordinator-0-1: 0/")
    assert "node affinity/selector" in condition["message"]
    eventually("the event", lambda: [note for reason, note in run.events() if reason == "NoCapacity"])
    run.edit(placement=None)
    run.api.delete(f"{PODS.format(run.namespace)}/d-coordinator-0-1")
    run.until_pods(*ALL)
    run.until_condition("Scheduled", status="True", reason="AllPartsUp")
    assert operator.runs


def test_a_pod_of_somebody_else_has_the_name_of_the_coordinator(operator: Operator, run: DualRun, api: Api) -> None:
    """It is said which pod, whose, and what to do; engines that would wait for it are taken back; it goes on once the pod is gone."""
    foreign = {"metadata": {"name": "d-coordinator-0-1"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    api.create(f"{PODS.format(run.namespace)}?fieldManager=a-colleague", foreign)
    run.create(lanes=[{"name": "local", "kind": "Local", "engine": {"model": "models/local"}}, *DUAL_SPEC["lanes"][1:]])
    said = run.until_condition("Scheduled", reason="Misconfigured")["message"]
    assert "pod d-coordinator-0-1 is there already, and was made by a-colleague: `kubectl delete pod d-coordinator-0-1 -n " in said
    eventually("the engine to be taken back", lambda: not run.pods(), run.pods)
    eventually("the warning", lambda: any(reason == "Misconfigured" for reason, _ in run.events()), run.events)
    api.delete(f"{PODS.format(run.namespace)}/d-coordinator-0-1", gracePeriodSeconds=0)
    run.until_pods(*ALL, "engine-0")
    run.until(phase="Running")
    assert operator.runs


def test_what_an_earlier_run_has_left_on_a_lost_machine_is_given_up(operator: Operator, run: DualRun, kubelets: Kubelets) -> None:
    """A new run of its name waits for what may still work, and no longer than that."""
    run.create()
    left = run.until_pods(*ALL)["coordinator-0"]
    kubelets.deaf.add((run.namespace, "d-coordinator-0-1"))
    run.api.delete(run.path)
    eventually("the earlier run to be gone", lambda: not run.api.exists(run.path) and len(run.pods()) == 1)
    run.create()
    words = "pod d-coordinator-0-1 of a deleted run of this name has not left yet"
    eventually("the wait to be said", lambda: words in (run.condition("Scheduled") or {"message": ""})["message"], lambda: run.status)
    uid = run.found()["metadata"]["uid"]
    with silent(run.api, left["spec"]["nodeName"]):
        eventually(
            "a coordinator of the new run",
            lambda: {pod["metadata"]["labels"]["tandem.dev/run-uid"] for pod in run.pods().values()} == {uid},
        )
    assert operator.runs
