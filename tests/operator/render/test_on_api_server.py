"""What a real API server makes of our manifests."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.render.disruption_budget import disruption_budget
from tandem_operator.render.pod import pod

from tests.cluster.cluster import Cluster
from tests.cluster.site import ClusterError

from . import golden_runs
from .shapes import SITE, SPEC, pod_of, run_of, spare_of

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
CRD = Path(__file__).parents[3] / "charts/tandem/crds/tandem.dev_trainingruns.yaml"
NEEDED: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "golden-trainers"}},
    {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "golden-training"}, "value": 1},
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "golden-nvidia"}, "handler": "nvidia"},
]


@pytest.fixture(scope="module")
def namespace(api_cluster: Cluster) -> Generator[str]:
    """A namespace that admits restricted pods only, and what the golden runs name."""
    name = api_cluster.new_namespace("render")
    api_cluster.kubectl("label", "namespace", name, RESTRICTED)
    api_cluster.kubectl("wait", "--for=create", "-n", name, "serviceaccount/default")
    needed = yaml.safe_dump_all(NEEDED)
    api_cluster.kubectl("apply", "-n", name, "-f", "-", stdin=needed)
    yield name
    api_cluster.kubectl("delete", "-n", name, "--wait=false", "-f", "-", stdin=needed)
    api_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("file", golden_runs.FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("verb", [("create",), ("apply", "--server-side", "--field-manager=tandem-operator")], ids=lambda verb: verb[0])
def test_every_golden_manifest_is_admitted(api_cluster: Cluster, namespace: str, file: Path, verb: tuple[str, ...]) -> None:
    """No unknown or repeated field, no invalid value, and nothing that the `restricted` standard forbids."""
    made = [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in golden_runs.recorded(file)]
    documents = yaml.safe_dump_all(made)
    said = api_cluster.kubectl(*verb, "--dry-run=server", "--validate=strict", "-n", namespace, "-f", "-", stdin=documents)
    assert len(said.splitlines()) == len(made), said


@pytest.mark.parametrize("part", ["allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccompProfile"])
def test_no_part_of_the_security_context_is_there_for_show(api_cluster: Cluster, namespace: str, part: str) -> None:
    """Without any one of those that the standard asks for, a pod is not admitted."""
    made = pod_of(run_of())
    made["metadata"]["namespace"] = namespace
    for context in (made["spec"]["securityContext"], made["spec"]["containers"][0]["securityContext"]):
        context.pop(part, None)
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        api_cluster.kubectl("create", "--dry-run=server", "-n", namespace, "-f", "-", stdin=json.dumps(made))


def test_a_budget_refuses_evictions_while_it_holds_and_no_longer(api_cluster: Cluster, namespace: str) -> None:
    """The disruption controller can count pods that a run owns, and leaves spares alone."""
    run = _created(api_cluster, namespace)
    worker, spare = pod_of(run), pod(spare_of(run), run, SITE)
    for made in (worker, spare):
        _create(api_cluster, namespace, made)
        _mark_ready(api_cluster, namespace, made["metadata"]["name"])
    assert _allowed(api_cluster, namespace, run, hold=True) == 0
    with pytest.raises(ClusterError, match="disruption budget"):
        _evict(api_cluster, namespace, worker)
    _evict(api_cluster, namespace, spare)
    assert _allowed(api_cluster, namespace, run, hold=False) == 1
    _evict(api_cluster, namespace, worker)


def _created(cluster: Cluster, namespace: str) -> TrainingRun:
    """A run that the API server knows: the owner of pods must exist, or they are collected."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", CRD)
    cluster.kubectl("wait", "--for=condition=Established", "-f", CRD)
    written = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "held"}, "spec": SPEC}
    kept = json.loads(cluster.kubectl("create", "-n", namespace, "-o", "json", "-f", "-", stdin=json.dumps(written)))
    return TrainingRun.model_validate({**kept, "status": {"attempt": 1, "workers": 1}})


def _create(cluster: Cluster, namespace: str, made: dict[str, Any]) -> None:
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(made))


def _mark_ready(cluster: Cluster, namespace: str, name: str) -> None:
    """What a kubelet would say: to the disruption controller a pod is up when it is Running and Ready."""
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    cluster.kubectl("patch", "pod", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps(ready))


def _allowed(cluster: Cluster, namespace: str, run: TrainingRun, *, hold: bool) -> int:
    """How many evictions the budget allows, once the disruption controller has seen it as it is now."""
    budget = json.dumps(disruption_budget(run, hold=hold))
    applied = ("apply", "--server-side", "--field-manager=tandem-operator", "-n", namespace, "-o", "json", "-f", "-")
    generation = json.loads(cluster.kubectl(*applied, stdin=budget))["metadata"]["generation"]
    for path, value in (("observedGeneration", generation), ("expectedPods", 1), ("currentHealthy", 1)):
        cluster.kubectl("wait", "-n", namespace, f"pdb/{run.name}", f"--for=jsonpath={{.status.{path}}}={value}", "--timeout=300s")
    return json.loads(cluster.kubectl("get", "pdb", run.name, "-n", namespace, "-o", "json"))["status"]["disruptionsAllowed"]


def _evict(cluster: Cluster, namespace: str, made: dict[str, Any]) -> None:
    name = made["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    cluster.kubectl("create", "--raw", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", "-f", "-", stdin=json.dumps(eviction))
