"""What Prometheus is told of runs: of each that there is, as it stands, whatever has become of it."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.cluster.shown.accounts import Accounts

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.eyes import looking_at
from tests.operator.cluster.runs import Run

KEY = ("team", "r")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_recovery_is_counted_once_and_its_loss_is_shown() -> None:
    """When the account of a fall is closed, and not at the looks before and after; the rest that a person asked for is none."""
    took = list[float]()
    accounts = Accounts(took.append)
    fallen = RunStatus(phase=RunPhase.PENDING, fell_at=AT, preemptions=1)
    up = fallen.model_copy(update={"phase": RunPhase.RUNNING, "fell_at": None, "time_to_resume_seconds": 42.0, "lost_steps": 7})
    up = up.model_copy(update={"spent_usd": Decimal(5), "lost_usd": Decimal("0.25")})
    for before, after in ((fallen, fallen), (fallen, up), (up, up)):
        accounts.looked(KEY, before, after, None)
    resting = up.model_copy(update={"phase": RunPhase.SUSPENDED})
    accounts.looked(KEY, fallen.model_copy(update={"time_to_resume_seconds": 42.0}), resting, None)
    assert took == [42.0]
    figures = accounts.figures()
    assert figures["tandem_lost_usd_total"] == {KEY: 0.25}
    assert figures["tandem_lost_steps_total"] == {KEY: 7}
    assert figures["tandem_spent_usd_total"] == {KEY: 5.0}
    assert figures["tandem_preemptions_total"] == {KEY: 1.0}
    assert figures["tandem_budget_usd"] == {}


@pytest.mark.parametrize("phase", [RunPhase.SUCCEEDED, RunPhase.FAILED])
def test_a_run_that_has_ended_is_told_of_until_it_is_deleted(phase: RunPhase) -> None:
    """In one phase at a time; then its series end."""
    accounts, running = Accounts(lambda _: None), RunStatus(phase=RunPhase.RUNNING)
    ended = RunStatus(phase=phase, failures=3)
    accounts.looked(KEY, running, running, Decimal(7))
    accounts.looked(KEY, running, ended, Decimal(8))
    figures = accounts.figures()
    assert figures["tandem_run_phase"] == {(*KEY, phase): 1.0}
    assert figures["tandem_operator_runs"] == {(phase,): 1.0}
    assert figures["tandem_budget_usd"] == {KEY: 8.0}
    assert figures["tandem_failures_total"] == {KEY: 3.0}
    accounts.forget(KEY)
    assert all(series == {} for series in accounts.figures().values())


def test_a_run_that_is_refused_is_told_of(api: Api, namespace: str, api_cluster: Any) -> None:
    """It waits for an edit, which shows as any other run that waits; once it is deleted, its series end."""

    async def story() -> None:
        run = Run(api, namespace, "r").create(trainer={"script": {"path": "train.py"}}, budget={"usd": 7})
        async with looking_at(run, api_cluster.kubeconfig) as eyes:
            await eyes.look()
            accepted = await asyncio.to_thread(run.condition, "Accepted")
            assert accepted
            assert accepted["status"] == "False"
            figures, key = eyes.accounts.figures(), (namespace, "r")
            assert figures["tandem_run_phase"] == {(*key, "Pending"): 1.0}
            assert figures["tandem_budget_usd"] == {key: 7.0}
            eyes.world.drop_run(key, (await asyncio.to_thread(run.found))["metadata"]["uid"])
            await eyes.shell.look(key)
            assert eyes.accounts.figures()["tandem_run_phase"] == {}

    asyncio.run(story())


def test_a_run_whose_pods_cannot_be_made_is_told_of(api: Api, namespace: str, proxy: FaultProxy) -> None:
    """Its phase and spend go on, whatever fails beside its status."""

    async def story() -> None:
        proxy.inject(Fault(kind=Kind.BROKEN), verbs={"create"}, path=f"{namespace}/pods$")
        run = Run(api, namespace, "r").create()
        async with looking_at(run, proxy.kubeconfig) as eyes:
            await eyes.look()
            assert eyes.accounts.figures()["tandem_run_phase"] == {(namespace, "r", "Pending"): 1.0}

    asyncio.run(story())
