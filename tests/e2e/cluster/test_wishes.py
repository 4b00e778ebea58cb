"""What people want of a run that is under way: rest, go on, stop at a sum or a time, be gone."""

import time
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.cluster.installation import Applied, Tenant
from tests.e2e.cluster.kept import Kept

pytestmark = pytest.mark.slow


def test_rest_and_go_on(tenant: Tenant, small: dict[str, Any]) -> None:
    """Suspended, a run holds no machine and has lost nothing; resumed, it goes on at the next step."""
    run = tenant.apply(small, workers=1)
    run.wait_for_step(50)
    run.edit(suspend=True)
    run.wait_for_phase("Suspended")
    run.wait_for_last_report()
    rested = run.status
    assert not _machines(run)
    assert rested["checkpoint"]["step"] >= 50
    run.edit(suspend=False)
    run.wait_for_step(rested["checkpoint"]["step"] + 1, attempt=2)
    assert (run.status["lostSteps"], run.status["failures"], run.status["preemptions"]) == (0, 0, 0)


def test_a_budget_stops_after_a_checkpoint_and_a_larger_one_goes_on(tenant: Tenant, small: dict[str, Any]) -> None:
    """Warned before, the run checkpoints at the limit and rests; it pays for no longer than it has been there."""
    began_s, usd_per_s = time.monotonic(), 12 / 3600
    run = tenant.apply(small, workers=1, budget={"usd": 100, "warnAt": 0.00001, "usdPerWorkerHour": 12})
    run.wait_for_step(1)
    run.wait_for_event("BudgetNearlyExhausted")
    usd = round(float(run.status["spentUsd"]) + 0.05, 2)
    run.edit(budget={"usd": usd})
    run.wait_for_phase("Suspended")
    status = run.status
    assert status["reason"] == "BudgetExhausted"
    assert run.condition("BudgetOK")["status"] == "False"
    assert usd <= float(status["spentUsd"]) <= usd_per_s * (time.monotonic() - began_s + 2)  # times are told in whole seconds
    assert not _machines(run), "what rests costs nothing"
    run.wait_for_last_report()
    rested = run.status
    assert rested["checkpoint"]["step"] == rested["step"] > 0
    run.edit(budget={"usd": 10})
    run.wait_for_step(rested["step"] + 1, attempt=2)
    assert (run.status["lostSteps"], run.status["failures"], run.status["preemptions"]) == (0, 0, 0)


def test_a_deadline_ends_a_run_and_its_time_to_live_removes_it(tenant: Tenant, small: dict[str, Any]) -> None:
    """Over in time, with its work kept; then the object goes, and its pods with it."""
    run = tenant.apply(small, workers=1)
    kept = Kept.of(run)
    run.wait_for_step(1)
    run.edit(deadline="20s")
    run.wait_for_phase("Failed")
    assert not _machines(run)
    status = run.status
    saved = [each.step for each in kept.read_in_full()]
    assert max(saved) >= status["step"] > 0, "of what it had said to have done, all is there"
    assert status["reason"] == "DeadlineExceeded"
    lasted_s = (datetime.fromisoformat(status["finishedAt"]) - datetime.fromisoformat(status["startedAt"])).total_seconds()
    assert lasted_s >= 20
    run.edit(ttlSecondsAfterFinished=20)  # not before: whatever there was to look at goes with it
    run.wait("the run to be gone", lambda run: not tenant.kubectl("get", "trainingruns", run.name, "--ignore-not-found").strip())
    run.wait("its pods to be gone", lambda run: not run.pods)


@pytest.mark.parametrize("moment", ["starting", "checkpointing"])
def test_delete_at_any_moment_leaves_nothing(tenant: Tenant, small: dict[str, Any], moment: str) -> None:
    """Deleted while it starts or while it saves: all that it owned goes, no pod stays, and what was saved is whole."""
    run = tenant.apply(small, checkpoint={"everySteps": 1})
    if moment == "starting":
        run.wait("pods", lambda run: len(run.pods) == 2)
    else:
        run.wait_for_checkpoint(3)
    kept, known = Kept.of(run), run.status.get("checkpoint", {}).get("step", 0)
    tenant.kubectl("delete", "trainingrun", run.name, "--wait=true", "--timeout=600s")
    owned = f"pods,services,poddisruptionbudgets -l tandem.dev/run={run.name} --no-headers".split()
    run.wait("nothing of it to be left", lambda _: not tenant.kubectl("get", *owned).strip())
    saved = [each.step for each in kept.read_in_full()]
    assert max(saved, default=0) >= known, "what was said to be saved is, to the last number"


def _machines(run: Applied) -> list[str]:
    """The pods that hold one."""
    return [pod["metadata"]["name"] for pod in run.pods if pod["status"]["phase"] in {"Pending", "Running"}]
