"""Whoever drains a machine is held up only as long as it takes to save, and never longer than the notice lasts."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api, RefusedError
from tests.operator.cluster.conftest import NODES
from tests.operator.cluster.kubelets import Kubelets, silent
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually

NOTICE_S = 30
KILLED = 137


def test_a_drain_ends_with_the_notice_though_nothing_was_saved(
    run: Run, operator: Operator, kubelets: Kubelets, api_cluster: Cluster
) -> None:
    """A worker that cannot save keeps `kubectl drain` waiting for one notice before it is evicted, and for another until it is killed."""
    assert operator.runs
    run.create(pod={"graceSeconds": NOTICE_S})
    run.until(phase="Running")
    pod = run.pods()["r-1-0"]
    kubelets.deaf.add((run.namespace, "r-1-0"))
    eventually("evictions to be refused", lambda: refused(run.api, run.namespace))
    try:
        with _drain(api_cluster, pod["spec"]["nodeName"], run.found()["metadata"]["uid"]) as drain:
            eventually("a checkpoint to be asked for", lambda: asked_after(run) == "0")
            assert "deletionTimestamp" not in run.pods()["r-1-0"]["metadata"], "evicted before it could answer"
            eventually("the eviction to be let through", lambda: "deletionTimestamp" in run.pods()["r-1-0"]["metadata"])
            run.until(phase="Stopping", reason="Interrupted")
            assert run.pods()["r-1-0"]["metadata"]["deletionGracePeriodSeconds"] == NOTICE_S
            assert drain.poll() is None, "the worker had no time to save"
            kubelets.end(run.namespace, "r-1-0", KILLED)
            assert drain.wait() == 0
    finally:
        api_cluster.kubectl("uncordon", pod["spec"]["nodeName"])
    assert run.until(phase="Running", attempt=2)["preemptions"] == 1
    assert run.status.get("failures", 0) == 0
    assert "checkpoint" not in run.status


def test_what_was_asked_for_at_a_cordon_is_taken_back(run: Run, operator: Operator, api_cluster: Cluster) -> None:
    """A machine that takes pods again is no reason to save; the cordon after that asks anew, and each asks one pod once."""
    assert operator.runs
    run.create(workers=2)
    run.until(phase="Running")
    leading, other = run.pods()["r-1-0"], run.pods()["r-1-1"]
    try:
        for _ in range(2):
            api_cluster.kubectl("cordon", other["spec"]["nodeName"])
            eventually("a checkpoint to be asked for", lambda: asked_after(run) == "0")
            api_cluster.kubectl("uncordon", other["spec"]["nodeName"])
            eventually("nothing to be asked for", lambda: asked_after(run) is None)
    finally:
        api_cluster.kubectl("uncordon", other["spec"]["nodeName"])
    assert run.pods()["r-1-0"]["metadata"]["uid"] == leading["metadata"]["uid"]
    assert "tandem.dev/save-asked-at" not in run.pods()["r-1-1"]["metadata"].get("annotations", {})
    assert run.status["attempt"] == 1


@pytest.mark.usefixtures("operator")
def test_what_cannot_be_deleted_holds_up_nobody_else(run: Run, kubelets: Kubelets, proxy: FaultProxy, api_cluster: Cluster) -> None:
    """What an earlier run of this name has left on a lost machine may be kept there by a policy: drains and people get what they want."""
    run.create(workers=2)
    run.until(phase="Running")
    kubelets.deaf.add((run.namespace, "r-1-1"))
    run.api.delete(run.path)
    eventually("the earlier run to be gone", lambda: not run.api.exists(run.path) and set(run.pods()) == {"r-1-1"})
    lost = run.pods()["r-1-1"]["spec"]["nodeName"]
    api_cluster.kubectl("cordon", lost)
    trouble = proxy.inject(Fault(kind=Kind.BROKEN), verbs={"delete"}, path=f"{run.namespace}/pods/r-1-1$")
    run.create()
    try:
        with silent(run.api, lost):
            run.until(phase="Running")
            node = run.pods()["r-1-0"]["spec"]["nodeName"]
            api_cluster.kubectl("cordon", node)
            eventually("a checkpoint to be asked for", lambda: asked_after(run) == "0")
            run.edit(suspend=True)
            run.until(phase="Suspended")
            eventually("its worker to be gone", lambda: set(run.pods()) == {"r-1-1"}, run.pods)
    finally:
        kubelets.let_go(run.namespace, "r-1-1")  # while it is there: without the trouble it is given up
        proxy.clear(trouble)
        api_cluster.kubectl("uncordon", *NODES)


@pytest.mark.usefixtures("forbidden")
def test_who_may_not_be_asked_is_not_held(run: Run, operator: Operator, api_cluster: Cluster) -> None:
    """Something in the cluster forbids that pods are changed: a drain goes on as if nobody wanted to save first."""
    assert operator.runs
    run.create()
    run.until(phase="Running")
    node = run.pods()["r-1-0"]["spec"]["nodeName"]
    eventually("evictions to be refused", lambda: refused(run.api, run.namespace))
    try:
        api_cluster.kubectl("cordon", node)
        eventually("evictions to be let through", lambda: not refused(run.api, run.namespace))
        assert asked_after(run) is None
    finally:
        api_cluster.kubectl("uncordon", node)
    eventually("evictions to be refused again", lambda: refused(run.api, run.namespace))
    assert run.status["attempt"] == 1


@pytest.fixture
def forbidden(api: Api, namespace: str) -> Iterator[None]:
    """A policy of the cluster by which nobody changes a pod of the namespace."""
    path = "/apis/admissionregistration.k8s.io/v1/"
    name = f"no-changes-{namespace}"
    matched = {
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
    }
    policy = {"matchConstraints": matched, "validations": [{"expression": "false", "message": "pods stay as they are"}]}
    api.create(f"{path}validatingadmissionpolicies", {"metadata": {"name": name}, "spec": policy})
    binding = {"policyName": name, "validationActions": ["Deny"]}
    api.create(f"{path}validatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": binding})
    trial = {"metadata": {"name": "trial", "namespace": namespace}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    api.create(PODS.format(namespace), trial)
    eventually("the policy to hold", lambda: _stays(api, f"{PODS.format(namespace)}/trial"))
    yield
    api.delete(f"{path}validatingadmissionpolicybindings/{name}")
    api.delete(f"{path}validatingadmissionpolicies/{name}")


def _stays(api: Api, pod: str) -> bool:
    try:
        api.patch(pod, {"metadata": {"labels": {"tried": "yes"}}})
    except RefusedError as refusal:
        return refusal.status == 422
    return False


def asked_after(run: Run) -> str | None:
    """The step after which a checkpoint is asked for."""
    return run.pods()["r-1-0"]["metadata"].get("annotations", {}).get("tandem.dev/save-after-step")


def refused(api: Api, namespace: str) -> bool:
    """Whether the worker may not be evicted, asked without doing it."""
    eviction = {"metadata": {"name": "r-1-0", "namespace": namespace}, "deleteOptions": {"dryRun": ["All"]}}
    try:
        api.create(f"{PODS.format(namespace)}/r-1-0/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", **eviction})
    except RefusedError as refusal:
        return refusal.status == 429
    return False


def _drain(cluster: Cluster, node: str, uid: str) -> "subprocess.Popen[bytes]":
    """`kubectl drain`, for no other pods than those of a run."""
    chosen = [f"--pod-selector=tandem.dev/run-uid={uid}", "--delete-emptydir-data", "--timeout=240s"]
    return subprocess.Popen([str(cluster.kubectl_program), f"--kubeconfig={cluster.kubeconfig}", "drain", node, *chosen])
