"""Workers whose peers are lost with their machine: nothing that they still do comes to anything, so the next attempt does not wait long."""

import pytest

from tests.operator.cluster.api import PODS, Object
from tests.operator.cluster.kubelets import Kubelets, silent
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import SPEC, Run, eventually


@pytest.mark.parametrize(("grace_s", "hurried_s"), [(100, 20), (7, 7)])
def test_they_leave_soon(run: Run, operator: Operator, kubelets: Kubelets, grace_s: int, hurried_s: int) -> None:
    """Long before a grace period that is meant for a checkpoint, which they cannot take alone; never later than it."""
    assert operator.runs
    run.create(workers=2, pod={"graceSeconds": grace_s}, placement={**SPEC["placement"], "onePerNode": True})
    run.until(phase="Running")
    survivor = f"{PODS.format(run.namespace)}/r-1-0"

    def leaves() -> Object | None:
        metadata = run.api.get(survivor)["metadata"]
        return metadata if "deletionTimestamp" in metadata else None

    kubelets.deaf.add((run.namespace, "r-1-0"))
    with silent(run.api, run.pods()["r-1-1"]["spec"]["nodeName"]):
        assert eventually("the survivor to be asked to leave", leaves)["deletionGracePeriodSeconds"] == hurried_s
        assert run.status["reason"] == "Lost"
        kubelets.let_go(run.namespace, "r-1-0")
    run.until(phase="Running", attempt=2, preemptions=1)
