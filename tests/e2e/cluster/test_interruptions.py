"""Machines that go: with notice, without, for a while, and because somebody drains them. Nothing acknowledged is ever lost."""

import json
import re
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.errors import Fenced
from tandem_trainer.checkpoint.keys import MANIFESTS

from tests.cluster.any_cluster import NODES
from tests.cluster.cluster import Cluster
from tests.cluster.life import Wanted
from tests.cluster.site import ClusterError
from tests.e2e.cluster.installation import Applied, Tenant
from tests.e2e.cluster.kept import Kept
from tests.e2e.cluster.killed_operator import KilledOperator
from tests.e2e.cluster.pod_processes import processes
from tests.operator.cluster.api import Api
from tests.operator.cluster.chronicle import Chronicle
from tests.trainer_image.checkpoint import world

pytestmark = pytest.mark.slow
TAKEN = "node2"  # operator and telemetry are on the other
TELEMETRY = "services/tandem-telemetry:9090"
KNOWN_S = 60  # a loss without notice is known within a minute
SILENT_S = 50 + 5  # node-monitor-grace-period and -period of Kubernetes; the test's own cluster is less patient
KEPT = {"everySteps": 50, "keepLast": 1000}  # none of an earlier attempt is swept while a test looks


@pytest.fixture
def run(tenant: Tenant, small: dict[str, Any], evenly: None) -> Applied:  # noqa: ARG001
    """A run with a worker on each of two nodes, which has a checkpoint and goes on."""
    run = tenant.apply(small, checkpoint=KEPT)
    run.wait_for_checkpoint(50)
    assert len({pod["spec"]["nodeName"] for pod in run.pods}) == 2
    return run


@pytest.fixture
def taken(run: Applied, cluster: Cluster) -> Generator[str]:
    """A node of the run's that a test may empty, in any cluster: operator and telemetry are elsewhere. It takes pods again afterwards."""
    nodes = {pod["spec"]["nodeName"] for pod in run.pods} - {run.tenant.installation.services_on}
    yield (name := min(nodes))
    cluster.node_untaint(name)
    cluster.kubectl("uncordon", name)


def _goes_on(run: Applied, *, attempt: int) -> dict[str, Any]:
    """The status, once a later attempt has made a step."""
    run.wait(f"attempt {attempt} to train", lambda run: run.status["attempt"] >= attempt and "fellAt" not in run.status)
    run.wait_for_phase("Running")
    return run.status


def _one_attempt_at_a_time(run: Applied) -> None:
    """Once the second attempt has a manifest: none of an earlier attempt is of a later step than the one that a later went on from."""
    kept = Kept.of(run)
    run.wait("a checkpoint of attempt 2", lambda _: 2 in kept.steps())
    steps = kept.steps()
    assert {1, 2} <= set(steps)
    claimed = list(kept.attempts().values())
    assert claimed == sorted(claimed), "a later attempt has the higher claim"
    assert all(max(before) < min(after) for before, after in pairwise(steps.values())), steps
    assert kept.written_too_late((MANIFESTS,)) == [], "an attempt has saved after the next had claimed the place"


def _refused(run: Applied) -> None:
    """What the first attempt's processes would do, had they come back in time: neither a checkpoint nor a new claim is taken."""
    kept, uid = Kept.of(run), run.object["metadata"]["uid"]
    first = max(number for number, attempt in kept.attempts().items() if attempt == 1)
    with pytest.raises(Fenced, match=f"claim {first} on .* is superseded by claim .* of a newer attempt"):
        world.save(kept.store, {"late": world.numbers("late", 100)}, claim=first, step=10**9)
    with pytest.raises(Fenced, match="is of attempt 2: attempt 1 came too late"):
        claim(kept.store, attempt=1, uid=uid, now=datetime.now(UTC))
    assert 10**9 not in kept.steps()[1]


def _published(run: Applied, metric: str, by: str = TELEMETRY) -> float | None:
    """What Prometheus would read of a run; None while nothing is said."""
    told = run.tenant.installation.cluster.get(f"/api/v1/namespaces/tandem/{by}/proxy/metrics")
    found = re.search(rf'^{metric}{{namespace="{run.tenant.namespace}",run="{run.name}"}} (\S+)$', told, re.MULTILINE)
    return float(found[1]) if found else None


def _told(run: Applied, reason: str) -> datetime:
    """When the run's event of that reason was written, by the operator's clock."""
    found = run.tenant.items("/apis/events.k8s.io/v1", "events", fieldSelector=f"regarding.name={run.name}")
    (at,) = [each["eventTime"] for each in found if each["reason"] == reason]
    return datetime.fromisoformat(at)


def _given_up(cluster: Cluster, node: str) -> datetime:
    """When the control plane has given a node up, which it says in whole seconds."""
    (at,) = [each["lastTransitionTime"] for each in cluster.get(f"{NODES}/{node}")["status"]["conditions"] if each["type"] == "Ready"]
    return datetime.fromisoformat(at)


def test_a_notice_loses_no_step(run: Applied, cluster: Cluster, taken: str) -> None:
    """One of two nodes is about to go: all ranks checkpoint together, and the next attempt goes on elsewhere at the next step."""
    cluster.node_notice(taken, "nth")
    status = _goes_on(run, attempt=2)
    assert (status["lostSteps"], status["preemptions"], status["failures"]) == (0, 1, 0)
    assert taken not in {pod["spec"]["nodeName"] for pod in run.pods if pod["metadata"]["labels"]["tandem.dev/attempt"] == "2"}
    run.wait_for_event("Recovered")
    assert [reason for reason in run.events if reason in {"Interrupted", "Restarting", "Recovered"}] == [
        "Interrupted",
        "Restarting",
        "Recovered",
    ]
    _one_attempt_at_a_time(run)


def test_a_drain_ends_and_leaves_a_checkpoint(run: Applied, cluster: Cluster, taken: str) -> None:
    """Evictions are refused while the run trains; `kubectl drain` is let through, and over only once what was trained is saved."""
    (pod,) = [pod["metadata"]["name"] for pod in run.pods if pod["spec"]["nodeName"] == taken]
    with pytest.raises(ClusterError, match="would violate the pod's disruption budget"):
        _evict(run, pod)
    selected = f"--pod-selector={run.label}"  # whatever else is there in a cluster of somebody else's stays
    cluster.kubectl("drain", taken, selected, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=600s")
    saved = Kept.of(run).saved_by(rank=int(pod.rpartition("-")[2]))
    status = _goes_on(run, attempt=2)
    assert (status["lostSteps"], status["preemptions"], status["failures"]) == (0, 1, 0)
    assert _published(run, "tandem_resumed_from_step") == saved, "the worker was gone before its last step was saved"
    _one_attempt_at_a_time(run)


def test_a_cordon_is_answered_with_a_checkpoint_and_a_hurried_drain_costs_no_more_than_the_steps_since(
    tenant: Tenant, small: dict[str, Any], cluster: Cluster
) -> None:
    """None is due for hours, and no worker is given time to leave: what was asked for at the cordon is what is gone on from."""
    apart = {"onePerNode": True}  # so that one of them is where nothing else of ours is
    run = tenant.apply(small, checkpoint={"everySteps": 1_000_000}, placement=apart, pod={**small["spec"]["pod"], "graceSeconds": 600})
    run.wait_for_step(50)
    (taken,) = {pod["spec"]["nodeName"] for pod in run.pods} - {tenant.installation.services_on}
    assert "checkpoint" not in run.status
    try:
        cluster.kubectl("drain", taken, f"--pod-selector={run.label}", "--delete-emptydir-data", "--grace-period=1", "--timeout=600s")
        saved = max(Kept.of(run).steps()[1])
    finally:
        cluster.kubectl("uncordon", taken)
    status = _goes_on(run, attempt=2)
    assert saved >= 50
    assert (_published(run, "tandem_resumed_from_step") or 0) >= saved
    assert (status["preemptions"], status["failures"]) == (1, 0)


def _evict(run: Applied, pod: str) -> None:
    """What `kubectl drain` and autoscalers ask for, of a machine that takes pods as ever."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": run.tenant.namespace}}
    path = f"/api/v1/namespaces/{run.tenant.namespace}/pods/{pod}/eviction"
    run.tenant.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))


def test_a_power_cut_costs_no_more_than_the_steps_since_the_last_checkpoint(
    chronicle: Chronicle, run: Applied, cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    """Nobody says goodbye: that is known within a minute, what is left of the attempt leaves, and the newest manifest is gone on from."""
    cut = datetime.now(UTC)
    cluster.node_kill(TAKEN)
    status = _goes_on(run, attempt=2)
    assert status["preemptions"] == 1
    assert status["failures"] == 0
    given_up, told = _given_up(cluster, TAKEN), _told(run, "Lost")
    assert cut < told
    ours_s = (told - given_up).total_seconds()
    figure = {
        "metric": "power_cut_to_known",
        "unit": "s",
        "value": (told - cut).total_seconds(),
        "ours": ours_s,
        "with_defaults": SILENT_S + ours_s,
    }
    record_property("figure", json.dumps(figure))
    print(json.dumps(figure))
    assert Wanted().node_grace_s + ours_s <= KNOWN_S, "the control plane's patience is not ours; the rest is"
    kept = Kept.of(run)
    saved = max(kept.steps()[1])
    assert _published(run, "tandem_resumed_from_step") == saved, "it went on from the newest manifest"
    said = [each.status for each in chronicle.runs.told]
    reached = max(each.get("fellAtStep", each.get("step", 0) if each.get("attempt") == 1 else 0) for each in said)
    fell = [each["fellAtStep"] for each in said if "fellAtStep" in each]
    assert max(0, fell[-1] - saved) <= status["lostSteps"] <= max(0, reached - saved)
    by = f"pods/{KilledOperator.of(Api(cluster.kubeconfig)).pod}:8080"
    run.wait("the lost steps to be published", lambda run: _published(run, "tandem_lost_steps_total", by) == run.status["lostSteps"])
    _one_attempt_at_a_time(run)
    assert kept.written_too_late() == []
    history = chronicle.history()
    assert history.created() == {f"{run.name}-{attempt}-{rank}" for attempt in (1, 2) for rank in (0, 1)}
    assert list(history.breaches()) == []


def test_who_comes_back_from_a_partition_overwrites_nothing(
    tenant: Tenant, small: dict[str, Any], cluster: Cluster, chronicle: Chronicle
) -> None:
    """A worker that was cut off trains on, alone and unheard; when it is back its attempt is over, and its writes are refused.

    Whether it still lives to write is luck, so the test also writes in its place, under its claim.
    """
    cluster.kubectl("cordon", "node1")
    run = tenant.apply(small, workers=1, checkpoint=KEPT)
    run.wait_for_checkpoint(50)
    cluster.kubectl("uncordon", "node1")
    assert processes(f"{run.name}-1-0", "tandem_trainer")
    cluster.node_cut(TAKEN)
    _goes_on(run, attempt=2)
    saved = _written(run)
    cluster.node_mend(TAKEN)
    cluster.wait_until("the node to be back", lambda: cluster.node_is_ready(TAKEN))
    before = run.status["step"]
    run.wait("more steps", lambda run: run.status["step"] > before + 50)
    _refused(run)
    assert run.status["attempt"] == 2
    assert {pod["metadata"]["labels"]["tandem.dev/attempt"] for pod in run.pods} == {"2"}
    assert {key: at for key, at in _written(run).items() if key in saved} == saved
    cluster.wait_until("the old processes to leave", lambda: not processes(f"{run.name}-1-0", "tandem_trainer"))
    _one_attempt_at_a_time(run)
    assert list(chronicle.history().breaches()) == []


def _written(run: Applied) -> Mapping[str, datetime]:
    """When each checkpoint that there is was written."""
    return {info.key: info.modified for info in Kept.of(run).store.list(MANIFESTS)}
