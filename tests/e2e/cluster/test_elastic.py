"""A run that may shrink goes on where there is less room, and grows again when there is more."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import Tenant
from tests.e2e.cluster.kept import Kept
from tests.operator.cluster.chronicle import Chronicle

pytestmark = pytest.mark.slow
KEPT = {"everySteps": 50, "keepLast": 1000}  # none is swept while the test looks


def test_two_one_two(tenant: Tenant, small: dict[str, Any], cluster: Cluster, chronicle: Chronicle) -> None:
    """One of two nodes is lost, and comes back: two workers, then one, then two, each going on from what those before had saved."""
    run = tenant.apply(small, minWorkers=1, placement={"onePerNode": True, "shrinkAfter": "10s"}, checkpoint=KEPT)
    run.wait_for_checkpoint(50)
    cluster.node_kill("node2")
    run.wait("one worker to train", lambda run: _trains(run.status, workers=1))
    shrunk = run.status
    cluster.node_start("node2")
    run.wait("two workers to train", lambda run: _trains(run.status, workers=2))
    grown = run.status
    assert (grown["preemptions"], grown["failures"]) == (1, 0)
    assert grown["step"] >= shrunk["step"]
    assert grown["lostSteps"] == shrunk["lostSteps"], "growing is no accident: it loses nothing"
    kept = Kept.of(run)
    run.wait("a checkpoint of the last size", lambda _: grown["attempt"] in kept.steps())
    saved = kept.manifests()
    assert [size for size, _ in groupby(each.world_size for each in saved)] == [2, 1, 2]
    assert [each.step for each in saved] == sorted({each.step for each in saved}), "one line of steps, and none of them saved twice"
    assert {pod["spec"]["nodeName"] for pod in run.pods if _of(pod, grown["attempt"])} == {"node1", "node2"}
    assert kept.written_too_late() == []
    assert list(chronicle.history().breaches()) == []


def _trains(status: Mapping[str, Any], *, workers: int) -> bool:
    return (status["workers"], status["phase"]) == (workers, "Running") and "fellAt" not in status


def _of(pod: Mapping[str, Any], attempt: int) -> bool:
    return pod["metadata"]["labels"]["tandem.dev/attempt"] == str(attempt)
