"""A DualRun on a real API server: what is made of it, in which order its parts come and go, and what is never written anywhere."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api, Object
from tests.operator.cluster.definitions import taking_everything
from tests.operator.cluster.kubelets import Kubelets, silent
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import DUAL_SPEC, DualRun, Run, eventually

IMAGE = "localhost/tandem-reasoning:dev"
ALL = ("coordinator-0", "worker-0", "worker-1")


@pytest.fixture(scope="module")
def kubelets(api: Api) -> Iterator[Kubelets]:
    """Two machines, played by hand, for pods that say nothing of where they want to be."""
    with Kubelets(api, ("dual-1", "dual-2"), for_all=True).at_work() as ours:
        yield ours


@pytest.fixture
def settings(tmp_path: Path, disk: str) -> dict[str, str]:
    """What an operator is told of DualRuns."""
    key = tmp_path / "key"
    key.write_text("k" * 64)
    return {"reasoning_image": IMAGE, "key_file": str(key), "ledger_class": disk}


@pytest.fixture
def operator(operators: Callable[..., Operator], kubelets: Kubelets, settings: dict[str, str]) -> Operator:
    assert kubelets
    return operators(memory="tandem-memory.tandem.svc:7433", **settings).start()


@pytest.fixture
def run(api: Api, namespace: str) -> DualRun:
    return DualRun(api, namespace, "d")


def test_a_coordinator_and_its_workers(operator: Operator, run: DualRun) -> None:
    """The coordinator comes first, with a disk, a name and a token; workers are told where it is; all of it goes with the run."""
    run.create(memory={"namespace": "philosophy"})
    pods = run.until_pods(*ALL)
    run.until(phase="Running")
    uid = run.found()["metadata"]["uid"]
    name = f"d-{uid[:8]}"
    made = [_object(run, collection, name) for collection in ("services", "persistentvolumeclaims")]
    made.append(_object(run, "secrets", _secret(pods["worker-0"])))
    assert all(each["metadata"]["ownerReferences"][0]["uid"] == uid for each in (*made, *pods.values()))
    coordinator, worker = pods["coordinator-0"], pods["worker-1"]
    assert made[0]["spec"]["selector"].items() <= coordinator["metadata"]["labels"].items()
    assert coordinator["metadata"]["creationTimestamp"] <= worker["metadata"]["creationTimestamp"]
    assert _told(worker)["TANDEM_COORDINATOR"] == f"{name}.{run.namespace}.svc:7434"
    assert _told(coordinator)["TANDEM_COORDINATOR_MEMORY"] == "tandem-memory.tandem.svc:7433"
    assert _told(coordinator)["TANDEM_COORDINATOR_MEMORY_NAMESPACE"] == "philosophy"
    job = json.loads(coordinator["metadata"]["annotations"]["tandem.dev/job"])
    assert (job["runUid"], job["budgetUsd"]) == (uid, "5")
    assert operator.runs


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


def test_engines_come_first_and_come_back_behind_the_name_that_was_told(operator: Operator, run: DualRun, kubelets: Kubelets) -> None:
    """A coordinator is told the addresses of their Services; one that falls is started again, alone, and is found by the same name."""
    local = {"name": "local", "kind": "Local", "engine": {"model": "models/local", "instances": 2}}
    run.create(lanes=[local, *DUAL_SPEC["lanes"][1:]], budget={})
    pods = run.until_pods(*ALL, "engine-0", "engine-1")
    run.until(phase="Running")
    uid = run.found()["metadata"]["uid"]
    names = [f"d-{uid[:8]}-engine-{index}" for index in range(2)]
    job = json.loads(pods["coordinator-0"]["metadata"]["annotations"]["tandem.dev/job"])
    assert job["lanes"][0]["urls"] == [f"http://{name}.{run.namespace}.svc:8000/v1" for name in names]
    kubelets.end(run.namespace, "d-engine-1-1", 137)
    again = run.until_pods(*ALL, "engine-0", "engine-1")
    assert again["engine-1"]["metadata"]["name"] == "d-engine-1-2"
    assert again["coordinator-0"]["metadata"]["uid"] == pods["coordinator-0"]["metadata"]["uid"]
    for index, name in enumerate(names):
        service = _object(run, "services", name)
        assert service["spec"]["selector"].items() <= again[f"engine-{index}"]["metadata"]["labels"].items()
        assert service["metadata"]["ownerReferences"][0]["uid"] == uid
    assert operator.runs


def test_secrets_are_in_their_secret_alone_and_keys_are_files_of_workers(operator: Operator, run: DualRun, api: Api) -> None:
    """Nothing but the run's Secret holds its token and the key of its certificate, which no worker sees.

    Of API keys only the name of their Secret is written, and in workers' pods alone.
    """
    run.create()
    pods = run.until_pods(*ALL)
    name = f"d-{run.found()['metadata']['uid'][:8]}"
    kept = {key: base64.b64decode(text).decode() for key, text in _object(run, "secrets", _secret(pods["worker-0"]))["data"].items()}
    events = api.items(f"/apis/events.k8s.io/v1/namespaces/{run.namespace}/events")
    written = json.dumps([run.found(), *pods.values(), *events, _object(run, "services", name)])
    for secret in (kept["token"], kept["tls.key"].splitlines()[1]):
        assert secret not in written
        assert secret not in operator.log.read_text()
    assert [slot for slot in ALL if '"tls.key"' in json.dumps(pods[slot]["spec"])] == ["coordinator-0"]
    assert [slot for slot in ALL if '"keys"' in json.dumps(pods[slot]["spec"])] == ["worker-0", "worker-1"]
    assert "secretKeyRef" not in json.dumps(pods["worker-0"]["spec"])


def test_a_part_that_falls_comes_back_under_the_next_number(operator: Operator, run: DualRun, kubelets: Kubelets) -> None:
    """Whoever dies is started again, alone; what is deleted comes back; and 93 ends the run with its sentence."""
    run.create()
    first = run.until_pods(*ALL)
    kubelets.end(run.namespace, "d-worker-0-1", 137)
    second = run.until_pods(*ALL)
    assert second["worker-0"]["metadata"]["name"] == "d-worker-0-2"
    assert second["coordinator-0"]["metadata"]["uid"] == first["coordinator-0"]["metadata"]["uid"]
    run.api.delete(f"{PODS.format(run.namespace)}/d-coordinator-0-1")
    eventually("another coordinator", lambda: _uid(run, "coordinator-0") not in {None, first["coordinator-0"]["metadata"]["uid"]})
    third = run.until_pods(*ALL)
    said = "a line of the log\ntandem-reasoning coordinator: questions: there are none\n"
    kubelets.end(run.namespace, third["coordinator-0"]["metadata"]["name"], 93, said)
    message = run.until(phase="Failed", reason="DoNotRestart")["message"]
    assert message.endswith("exited with 93: tandem-reasoning coordinator: questions: there are none")
    assert operator.runs


def test_workers_leave_before_their_coordinator_and_come_back_after_it(
    operator: Operator, run: DualRun, kubelets: Kubelets, api: Api
) -> None:
    """A run that is suspended gives its questions back first; resumed, it has new numbers."""
    run.create()
    run.until_pods(*ALL)
    kubelets.deaf.add((run.namespace, "d-worker-1-1"))
    run.edit(suspend=True)
    eventually("a worker that is asked to leave", lambda: _leaves(api, run, "d-worker-1-1"))
    run.until(phase="Stopping", reason="SuspendRequested")
    assert not _leaves(api, run, "d-coordinator-0-1")
    kubelets.let_go(run.namespace, "d-worker-1-1")
    run.until(phase="Suspended")
    run.edit(suspend=False)
    assert {pod["metadata"]["name"] for pod in run.until_pods(*ALL).values()} == {"d-coordinator-0-2", "d-worker-0-2", "d-worker-1-2"}
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


def test_two_kinds_of_run_may_have_one_name(operator: Operator, run: DualRun, api: Api, namespace: str) -> None:
    """Neither takes the pods of the other for its own."""
    other = Run(api, namespace, run.name).create()
    run.create()
    run.until_pods(*ALL)
    other.until(phase="Running")
    assert not run.pods().keys() & other.pods().keys()
    assert operator.runs


def test_the_parts_of_a_run_that_is_deleted_leave_though_somebody_holds_it(operator: Operator, run: DualRun) -> None:
    """They would go only after it, and be paid for until then."""
    run.create()
    run.until_pods(*ALL)
    run.api.patch(run.path, {"metadata": {"finalizers": ["tandem.test/held"]}})
    try:
        run.api.delete(run.path)
        eventually("its parts to leave", lambda: not run.pods(), run.pods)
        assert run.api.exists(run.path)
    finally:
        run.api.patch(run.path, {"metadata": {"finalizers": None}})
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


def test_an_operator_that_was_killed_goes_on(
    operators: Callable[..., Operator], run: DualRun, settings: dict[str, str], kubelets: Kubelets
) -> None:
    """Another one finds the parts that live, and starts only what is missing; a run that is over is removed in its time."""
    first = operators(**settings).start()
    run.create(ttlSecondsAfterFinished=0)
    before = run.until_pods(*ALL)
    first.kill()
    kubelets.end(run.namespace, "d-worker-0-1", 1)
    operators(**settings).start()
    after = run.until_pods(*ALL)
    assert after["coordinator-0"]["metadata"]["uid"] == before["coordinator-0"]["metadata"]["uid"]
    assert after["worker-0"]["metadata"]["name"] == "d-worker-0-2"
    kubelets.end(run.namespace, "d-coordinator-0-1", 93, "it is of no use")
    eventually("the end of the run", lambda: not run.api.exists(run.path))


def _secret(pod: dict[str, Any]) -> str:
    """The Secret from which a part reads what it is known by, and knows others by."""
    (shown,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "credentials"]
    return str(shown["projected"]["sources"][0]["secret"]["name"])


def _object(run: DualRun, collection: str, name: str) -> Object:
    return run.api.get(f"/api/v1/namespaces/{run.namespace}/{collection}/{name}")


def _told(pod: Object) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in pod["spec"]["containers"][0]["env"]}


def _uid(run: DualRun, slot: str) -> str | None:
    found = [pod["metadata"] for pod in run.pods().values() if slot in pod["metadata"]["name"] and pod["status"].get("phase") == "Running"]
    return found[0]["uid"] if found and "deletionTimestamp" not in found[0] else None


def _leaves(api: Api, run: DualRun, name: str) -> bool:
    return "deletionTimestamp" in api.get(f"{PODS.format(run.namespace)}/{name}")["metadata"]
