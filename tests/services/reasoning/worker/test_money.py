"""What becomes of questions where the money ends: a run that goes on says what it spared, one that stops answers nothing for less."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tandem.reasoning.v1.reasoning_pb2 import REFUSAL_HALTED, ClaimRequest, PermitRequest, Place
from tandem_reasoning.coordinator.job import Job, OnExhausted
from tandem_reasoning.ledger import Item, State
from tandem_reasoning.report.document import SCHEMA
from tandem_reasoning.report.writing import DOCUMENT, write
from tandem_reasoning.routing.replay import choice
from tandem_reasoning.worker.line import Line

from tests.services.reasoning.coordination import coordinating, items, job, questions, said, saying, work
from tests.services.reasoning.lanes.wire_server import Act, playing
from tests.services.reasoning.report.recorded import NOW

PATIENCE_S = 240
BUDGET_NANO = 5_000_000
CLOUD = {"policy": "Cloud"}
CASCADE = {"policy": "Cascade", "warmup": 4, "explore": 0}
COMPARE = {"policy": "Cascade", "warmup": 1000, "explore": 1}
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
                await asyncio.gather(work(coordinator.address, "one"), work(coordinator.address, "two"))
                status = coordinator.status
                assert 0 < status.spent_nano <= status.cap_nano == BUDGET_NANO
                assert (status.over, status.leased) == (True, 0)
                assert status.reason == "BudgetExhausted"
                assert {lane.name: lane.calls for lane in status.lanes} == {"local": len(local.asked), "cloud": len(cloud.asked)}

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    return list(items(folder / "ledger.sqlite"))


def _job(local: str, cloud: str, *, nano: int = BUDGET_NANO, **more: Any) -> Job:
    return job({"local": [local], "cloud": [cloud]}, budgetUsd=str(nano / 10**9), **more)


@pytest.mark.parametrize("routing", [CLOUD, CASCADE, COMPARE])
@pytest.mark.parametrize("then", [OnExhausted.SUSPEND, OnExhausted.FAIL])
def test_a_run_that_stops_at_its_budget_answers_nothing_for_less(tmp_path: Path, routing: dict[str, Any], then: OnExhausted) -> None:
    """What the cloud lane was to answer waits for more money, and is not even handed to the local lane as the money nears its end."""
    found = run(tmp_path, routing=routing, onExhausted=then)
    assert {item.outcome.lane for item in found if item.outcome} == {"cloud"}
    assert {item.state for item in found} == {State.DONE, State.READY}
    assert {item.attempts for item in found if item.state is State.READY} == {0}


@pytest.mark.parametrize("routing", [CLOUD, CASCADE])
def test_a_run_that_goes_on_says_what_it_spared(tmp_path: Path, routing: dict[str, Any]) -> None:
    """Each answer that is the local lane's alone for want of money is one of those that the report counts."""
    found = run(tmp_path, routing=routing, onExhausted=OnExhausted.LOCAL_ONLY)
    assert {item.state for item in found} == {State.DONE}
    decisions = {item.question.id: choice.read(item.outcome.decision.choice) for item in found if item.outcome and item.outcome.decision}
    spared = [item for item in found if (made := decisions[item.question.id]) and made.missed(item.outcome and item.outcome.agreement)]
    assert {item.outcome and item.outcome.lane for item in spared} == {"local"}
    assert len(spared) == sum(item.outcome is not None and item.outcome.lane == "local" for item in found) > QUESTIONS // 4
    write(tmp_path / "ledger.sqlite", tmp_path / "report", job=None, now=NOW)
    told = json.loads((tmp_path / "report" / DOCUMENT).read_text())
    assert (told["schema"], told["spared"]) == (SCHEMA, len(spared))
    assert any(
        f"For want of money {len(spared)} questions were answered by the local lane alone" in sentence for sentence in told["verdict"]
    )


def test_what_was_answered_before_the_money_ended_is_not_asked_again(tmp_path: Path) -> None:
    """With more of it the run goes on from the votes that are on record."""

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            local.answer, cloud.answer = split, saying("Answer: so")
            for nano in (BUDGET_NANO, 10**9):
                told = _job(local.url, cloud.url, nano=nano, routing=CASCADE, onExhausted=OnExhausted.SUSPEND)
                async with coordinating(tmp_path, told, questions(QUESTIONS)) as coordinator:
                    await work(coordinator.address, "one")
                    status = coordinator.status
            assert (status.done, len(cloud.asked)) == (QUESTIONS, QUESTIONS)
            asked = [json.dumps(body, sort_keys=True) for body in local.asked]
            assert len(asked) == len(set(asked)) == next(lane.calls for lane in status.lanes if lane.name == "local")

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))


def test_nothing_is_handed_out_in_the_moment_in_which_the_money_ends(tmp_path: Path) -> None:
    """A claim that waits for the disk beside the call that does not fit comes back empty, or came before it: nobody stands in."""

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            told = _job(local.url, cloud.url, routing=CLOUD, onExhausted=OnExhausted.SUSPEND)
            async with coordinating(tmp_path, told, questions(8)) as coordinator, Line(coordinator.address, None) as line:
                claimed = await line.ask(line.stub.Claim, ClaimRequest(worker="one", count=1))
                (lease,) = claimed.leases
                most = {"most_input_tokens": BUDGET_NANO, "most_output_tokens": 1}
                call = PermitRequest(worker="one", hold=lease.hold, place=Place(step=1, expert="alone"), key="k", lane="cloud", **most)
                refused, more = await asyncio.gather(
                    line.ask(line.stub.Permit, call), line.ask(line.stub.Claim, ClaimRequest(worker="two", count=4))
                )
                assert refused.no.refusal == REFUSAL_HALTED
                assert {tuple(each.route.lanes) for each in more.leases} <= {("cloud",)}
                later = await line.ask(line.stub.Claim, ClaimRequest(worker="two", count=4, has=[each.hold.item for each in more.leases]))
                assert (list(later.leases), later.over) == ([], True)

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
