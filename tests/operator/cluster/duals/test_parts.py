"""A DualRun on a real API server: what is made of it, in which order its parts come and go, and what is never written anywhere."""

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.operator.cluster.api import PODS, Api, Object
from tests.operator.cluster.duals.conftest import ALL
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import DUAL_SPEC, DualRun, Run, eventually


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
