"""Machines that go: with notice, without, for a while, and because somebody drains them. Nothing acknowledged is ever lost."""

from itertools import pairwise
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import Applied, Tenant

pytestmark = pytest.mark.slow
TAKEN = "node2"  # operator and telemetry are on the other


@pytest.fixture
def run(tenant: Tenant, small: dict[str, Any]) -> Applied:
    """A run with a worker on each of two nodes, which has a checkpoint and goes on."""
    run = tenant.apply(small)
    run.wait("a checkpoint", lambda run: run.status.get("checkpoint", {}).get("step", 0) >= 100)
    assert {pod["spec"]["nodeName"] for pod in run.pods} == {"node1", "node2"}
    return run


def _goes_on(run: Applied, *, attempt: int) -> dict[str, Any]:
    """The status, once a later attempt has made a step."""
    run.wait(f"attempt {attempt} to train", lambda run: run.status["attempt"] >= attempt and "fellAt" not in run.status)
    run.wait_for_phase("Running")
    return run.status


def _one_attempt_at_a_time(run: Applied) -> None:
    """No manifest of an earlier attempt is of a later step than the one that a later attempt went on from."""
    steps: dict[int, list[int]] = {}
    for name in run.manifests():
        attempt, step = name.removesuffix(".json").split("-")
        steps.setdefault(int(attempt), []).append(int(step))
    ordered = [steps[attempt] for attempt in sorted(steps)]
    assert all(max(before) < min(after) for before, after in pairwise(ordered)), steps


def test_a_notice_loses_no_step(run: Applied, cluster: Cluster) -> None:
    """One of two nodes is about to go: all ranks checkpoint together, and the next attempt goes on elsewhere at the next step."""
    cluster.node_notice(TAKEN, "nth")
    status = _goes_on(run, attempt=2)
    assert (status["lostSteps"], status["preemptions"], status["failures"]) == (0, 1, 0)
    assert {pod["spec"]["nodeName"] for pod in run.pods if pod["metadata"]["labels"]["tandem.dev/attempt"] == "2"} == {"node1"}
    assert [reason for reason in run.events if reason in {"Interrupted", "Restarting", "Recovered"}] == [
        "Interrupted",
        "Restarting",
        "Recovered",
    ]
    _one_attempt_at_a_time(run)


def test_a_drain_ends_and_leaves_a_checkpoint(run: Applied, cluster: Cluster) -> None:
    """`kubectl drain` is held up only until the run may be evicted; what was trained until then is saved."""
    cluster.kubectl("drain", TAKEN, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
    status = _goes_on(run, attempt=2)
    assert (status["lostSteps"], status["preemptions"], status["failures"]) == (0, 1, 0)
    _one_attempt_at_a_time(run)


def test_a_power_cut_costs_no_more_than_the_steps_since_the_last_checkpoint(run: Applied, cluster: Cluster) -> None:
    """Nobody says goodbye: the node is known to be gone, what is left of the attempt leaves, and the newest manifest is gone on from."""
    cluster.node_kill(TAKEN)
    status = _goes_on(run, attempt=2)
    assert status["preemptions"] == 1
    assert status["failures"] == 0
    assert 0 <= status["lostSteps"] <= 2 * 100 + 20
    _one_attempt_at_a_time(run)


def test_who_comes_back_from_a_partition_overwrites_nothing(tenant: Tenant, small: dict[str, Any], cluster: Cluster) -> None:
    """A worker that was cut off trains on, alone and unheard; when it is back its attempt is over, and its writes are refused."""
    cluster.kubectl("cordon", "node1")
    run = tenant.apply(small, workers=1)
    run.wait("a checkpoint", lambda run: run.status.get("checkpoint", {}).get("step", 0) >= 100)
    cluster.kubectl("uncordon", "node1")
    cluster.node_cut(TAKEN)
    _goes_on(run, attempt=2)
    cluster.node_mend(TAKEN)
    cluster.wait_until("the node to be back", lambda: cluster.node_is_ready(TAKEN))
    before = run.status["step"]
    run.wait("more steps", lambda run: run.status["step"] > before + 300)
    assert run.status["attempt"] == 2
    assert {pod["metadata"]["labels"]["tandem.dev/attempt"] for pod in run.pods} == {"2"}
    _one_attempt_at_a_time(run)
