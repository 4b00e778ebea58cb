"""A defect of ours that a run brings out again and again must not cost money without an end: played on a real API server, look by look."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster import shell
from tandem_operator.cluster.deeds.writing import Writing
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.turns import looking
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Plan, Seen

from tests.operator.cluster.eyes import Eyes, looking_at
from tests.operator.cluster.runs import Run


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_PATIENCE_S", 0.0)


def break_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the planner has a defect that every run without a deadline brings out."""

    def planned(run: TrainingRun, seen: Seen, now: datetime) -> Plan:
        if run.spec.deadline is None:
            msg = "there is no deadline"
            raise ValueError(msg)
        return plan(run, seen, now)

    monkeypatch.setattr(shell, "plan", planned)


def told(run: Run, kubeconfig: Path, story: Callable[[Eyes], Coroutine[Any, Any, None]]) -> None:
    async def in_its_loop() -> None:
        async with looking_at(run.create(), kubeconfig) as eyes:
            await eyes.look()
            assert await eyes.pods() == ["r-1-0"]
            await story(eyes)

    asyncio.run(in_its_loop())


def test_a_run_that_cannot_be_planned_is_paid_for_no_longer(run: Run, api_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers are asked to leave once that has lasted, people are told why, and an edit has it begin anew."""

    async def story(eyes: Eyes) -> None:
        break_planner(monkeypatch)
        await eyes.look(looking._PATIENCE - 1)
        before = eyes.applying.telling.waiting
        assert await eyes.pods() == ["r-1-0"]
        await eyes.look(3)
        assert await eyes.pods() == []
        accepted = run.condition("Accepted") or {}
        assert (accepted["status"], accepted["reason"]) == ("False", "NotAccepted")
        assert "ValueError: there is no deadline" in accepted["message"]
        assert eyes.applying.telling.waiting == before + 1
        await eyes.look(2)
        assert await eyes.pods() == [], "nothing begins of what has brought out a defect"
        await asyncio.to_thread(run.edit, deadline="1h")
        await eyes.look(3)
        assert await eyes.pods() != []
        assert (run.condition("Accepted") or {})["status"] == "True"

    told(run, api_cluster.kubeconfig, story)


def test_a_status_that_cannot_be_read_keeps_nobody_from_leaving(run: Run, api_cluster: Any) -> None:
    """The same goes for a run of which we cannot even write what is wrong: that is an event, told once."""

    async def story(eyes: Eyes) -> None:
        before = eyes.applying.telling.waiting
        await eyes.write(spentUsd="0" * 4, lostUsd="1" * 5000, attempt=1, startedAt="0000-01-01T00:00:00Z")
        await eyes.look(looking._PATIENCE + 3)
        assert await eyes.pods() == []
        assert eyes.applying.telling.waiting == before + 1

    told(run, api_cluster.kubeconfig, story)


def test_two_defects_at_once_end_no_operator(run: Run, api_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what else goes wrong while workers are asked to leave for the first one: the other runs are cared for."""

    async def broken(*_: object) -> None:
        raise TypeError

    async def story(eyes: Eyes) -> None:
        break_planner(monkeypatch)
        monkeypatch.setattr(Writing, "status", broken)
        await eyes.look(looking._PATIENCE + 3)
        assert await eyes.pods() == []

    told(run, api_cluster.kubeconfig, story)


def test_a_status_that_is_refused_again_and_again_is_told_by_an_event(run: Run, api_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would say why the run stands still; once, however long that lasts."""

    async def refused(*_: object) -> None:
        raise KubeError(400, "BadRequest", "invalid Unicode character")

    async def story(eyes: Eyes) -> None:
        await eyes.look()
        monkeypatch.setattr(Writing, "_write", refused)
        await asyncio.to_thread(run.edit, suspend=True)
        before = eyes.applying.telling.waiting
        await eyes.look(looking._PATIENCE - 1)
        assert eyes.applying.telling.waiting == before
        await eyes.look(3)
        assert eyes.applying.telling.waiting == before + 1
        assert "invalid Unicode character" in eyes.applying.telling._untold[-1].event.message

    told(run, api_cluster.kubeconfig, story)


def test_workers_are_stopped_though_a_defect_keeps_their_status_from_being_written(
    run: Run, api_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the plan says of money is carried out all the same."""

    async def broken(*_: object) -> None:
        raise TypeError

    async def story(eyes: Eyes) -> None:
        await eyes.look()
        monkeypatch.setattr(Writing, "_write", broken)
        await asyncio.to_thread(run.edit, suspend=True)
        await eyes.look(looking._PATIENCE)
        assert await eyes.pods() == ["r-1-0"]
        await eyes.look()
        assert await eyes.pods() == []

    told(run, api_cluster.kubeconfig, story)
