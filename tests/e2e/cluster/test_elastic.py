"""A run that may shrink goes on where there is less room, and grows again when there is more."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import Tenant

pytestmark = pytest.mark.slow


def test_two_one_two(tenant: Tenant, small: dict[str, Any], cluster: Cluster) -> None:
    """One of two nodes is lost, and comes back: two workers, then one, then two, on one line of steps."""
    run = tenant.apply(small, minWorkers=1, placement={"onePerNode": True, "shrinkAfter": "5s"})
    run.wait_for_checkpoint(100)
    cluster.node_kill("node2")
    run.wait("one worker to train", lambda run: _trains(run.status, workers=1))
    shrunk = run.status
    cluster.node_start("node2")
    run.wait("two workers to train", lambda run: _trains(run.status, workers=2))
    grown = run.status
    assert grown["failures"] == 0
    assert grown["step"] >= shrunk["step"]
    assert grown["lostSteps"] == shrunk["lostSteps"], "growing is no accident: it loses nothing"


def _trains(status: Mapping[str, Any], *, workers: int) -> bool:
    return (status["workers"], status["phase"]) == (workers, "Running") and "fellAt" not in status
