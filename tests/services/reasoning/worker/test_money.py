"""What becomes of questions where the money ends: a run that goes on says what it spared, one that stops answers nothing for less."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.coordinator.job import Job, OnExhausted
from tandem_reasoning.ledger import Item, State
from tandem_reasoning.report.document import SCHEMA
from tandem_reasoning.report.writing import DOCUMENT, write
from tandem_reasoning.routing.replay import choice

from tests.services.reasoning.coordination import coordinating, items, job, questions, said, saying, work
from tests.services.reasoning.lanes.wire_server import Act, playing
from tests.services.reasoning.report.recorded import NOW

PATIENCE_S = 240
BUDGET_NANO = 5_000_000
CLOUD = {"policy": "Cloud"}
CASCADE = {"policy": "Cascade", "warmup": 4, "explore": 0}
QUESTIONS = 120  # a cloud call costs 55 millionths of a dollar, and may cost some 1,500: the budget is for half of them


async def split(path: str, body: dict[str, Any]) -> Act:
    """No two experts agree."""
    del path
    return said(f"Answer: {hash(json.dumps(body))}")


def run(folder: Path, **more: Any) -> list[Item]:
    """All items of a run whose budget does not reach for all."""

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            local.answer, cloud.answer = split, saying("Answer: so")
            told = _job(local.url, cloud.url, **more)
            async with coordinating(folder, told, questions(QUESTIONS)) as coordinator:
                await work(coordinator.address, "one")
                status = coordinator.status
                assert 0 < status.spent_nano <= status.cap_nano == BUDGET_NANO
                assert (status.over, status.leased) == (True, 0)
                assert status.reason == "BudgetExhausted"

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    return list(items(folder / "ledger.sqlite"))


def _job(local: str, cloud: str, **more: Any) -> Job:
    return job({"local": [local], "cloud": [cloud]}, budgetUsd=str(BUDGET_NANO / 10**9), **more)


@pytest.mark.parametrize("routing", [CLOUD, CASCADE])
@pytest.mark.parametrize("then", [OnExhausted.SUSPEND, OnExhausted.FAIL])
def test_a_run_that_stops_at_its_budget_answers_nothing_for_less(tmp_path: Path, routing: dict[str, Any], then: OnExhausted) -> None:
    """What the cloud lane was to answer waits for more money, and is not even handed to the local lane as the money nears its end."""
    found = run(tmp_path, routing=routing, onExhausted=then)
    assert {item.outcome.lane for item in found if item.outcome} == {"cloud"}
    assert {item.state for item in found} == {State.DONE, State.READY}
    assert {item.attempts for item in found if item.state is State.READY} <= {0, 1}


@pytest.mark.parametrize("routing", [CLOUD, CASCADE])
def test_a_run_that_goes_on_says_what_it_spared(tmp_path: Path, routing: dict[str, Any]) -> None:
    """Each answer that is the local lane's alone for want of money is one of those that the report counts."""
    found = run(tmp_path, routing=routing, onExhausted=OnExhausted.LOCAL_ONLY)
    assert {item.state for item in found} == {State.DONE}
    decisions = {item.question.id: choice.read(item.outcome.decision.choice) for item in found if item.outcome and item.outcome.decision}
    spared = [item for item in found if (made := decisions[item.question.id]) and made.spared]
    assert {item.outcome and item.outcome.lane for item in spared} == {"local"}
    assert len(spared) == sum(item.outcome is not None and item.outcome.lane == "local" for item in found) > QUESTIONS // 4
    write(tmp_path / "ledger.sqlite", tmp_path / "report", job=None, now=NOW)
    told = json.loads((tmp_path / "report" / DOCUMENT).read_text())
    assert (told["schema"], told["spared"]) == (SCHEMA, len(spared))
    assert any(f"For want of money {len(spared)} were answered by the local lane alone" in sentence for sentence in told["verdict"])
