"""What becomes of questions when lanes, workers and coordinators come and go; servers play the protocol, what they say is not judged."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tandem.reasoning.v1.reasoning_pb2 import ClaimRequest, ClaimResponse, CompleteRequest
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.service import Reasoning
from tandem_reasoning.ledger import State
from tandem_reasoning.worker.item import Thinking

from tests.services.reasoning.coordination import coordinating, items, job, questions, said, saying, work
from tests.services.reasoning.lanes.wire_server import Act, Played, playing

PATIENCE_S = 240
VOTE = {"routing": {"policy": "Local"}}


def test_all_questions_are_answered_once(tmp_path: Path) -> None:
    """Two workers share them; every call is in the books, and was asked for once."""

    async def deed() -> None:
        async with playing() as local, coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(30)) as coordinator:
            local.answer = saying("Answer: so")
            await asyncio.gather(work(coordinator.address, "one"), work(coordinator.address, "two"))
            status = coordinator.status
            assert (status.done, status.failed, status.over) == (30, 0, True)
            assert status.lanes[0].calls == len(local.asked) == 90  # three of four experts that agree settle it

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert {item.outcome and item.outcome.answer for item in items(tmp_path / "ledger.sqlite")} == {"so"}


def test_experts_that_always_agree_are_asked_less(tmp_path: Path) -> None:
    """Once ten votes of a kind were one answer, two experts are asked in place of three; a coordinator that is started anew knows it."""

    async def part(asked: Job, local: Played, until: int) -> float:
        """Calls for each question, until so many of all are answered."""
        async with coordinating(tmp_path, asked, questions(120)) as coordinator:
            calls, done, stop = len(local.asked), coordinator.status.done, asyncio.Event()
            working = asyncio.create_task(work(coordinator.address, "one", stop, at_once=1))
            while coordinator.status.done < until:  # noqa: ASYNC110 - nothing says so but the status
                await asyncio.sleep(0.01)
            stop.set()
            await working
            return (len(local.asked) - calls) / (coordinator.status.done - done)

    async def deed() -> None:
        async with playing() as local:
            local.answer, asked = saying("Answer: so"), job({"local": [local.url]}, **VOTE)
            assert await part(asked, local, 20) == 3
            assert await part(asked, local, 60) < 3
            assert await part(asked, local, 110) == 2

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))


def test_experts_that_disagree_think_again(tmp_path: Path) -> None:
    """All are asked, then once more with what the others said before them."""

    async def deed() -> list[str]:
        async with playing() as local, coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(1)) as coordinator:

            async def answer(path: str, body: dict[str, object]) -> Act:
                del path
                return said(f"Answer: {hash(json.dumps(body))}")

            local.answer = answer
            await work(coordinator.address, "one")
            return [json.dumps(body) for body in local.asked]

    asked = asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert len(asked) == 8
    assert not any("step before" in body for body in asked[:4])
    assert all("step before" in body for body in asked[4:])


def test_a_lane_that_is_down(tmp_path: Path) -> None:
    """The other lane answers alone, and nothing fails."""

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            asked = job({"local": [local.url], "cloud": [cloud.url]})
            local.answer = saying("Answer: so")

            async def broken(path: str, body: dict[str, object]) -> Act:
                del path, body
                return Act(status=401, body=b'{"error": {"message": "no such key"}}')

            cloud.answer = broken
            async with coordinating(tmp_path, asked, questions(20)) as coordinator:
                await work(coordinator.address, "one")
                assert (coordinator.status.done, coordinator.status.failed) == (20, 0)
                states = {lane.name: lane.state for lane in coordinator.status.lanes}
                assert states == {"local": "Ready", "cloud": "Unauthorized"}
                assert len(cloud.asked) < 20  # whoever refuses the key is not asked again and again

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))


def test_a_question_that_no_lane_can_take(tmp_path: Path) -> None:
    """It fails with its reason once it was tried as often as it may be; the others are answered, and the run comes to its end."""

    async def deed() -> None:
        async with playing() as local:

            async def answer(path: str, body: dict[str, object]) -> Act:
                del path
                too_long = b'{"error": {"message": "maximum context length is 10 tokens", "code": "context_length_exceeded"}}'
                return Act(status=400, body=too_long) if "What is 3 and" in json.dumps(body) else said("Answer: so")

            local.answer = answer
            async with coordinating(tmp_path, job({"local": [local.url]}, maxAttempts=2, **VOTE), questions(6)) as coordinator:
                await work(coordinator.address, "one")
                assert (coordinator.status.done, coordinator.status.failed) == (5, 1)

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    (failed,) = [item for item in items(tmp_path / "ledger.sqlite") if item.state is State.FAILED]
    assert (failed.question.id, failed.attempts) == ("q3", 2)
    assert "context length" in failed.reason


def test_a_defect_of_the_worker_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question over which the worker itself goes wrong is tried again and then given up with what happened, and not with a silence."""
    done = Thinking.done

    async def odd(self: Thinking) -> CompleteRequest | None:
        if self.lease.hold.item == "q3":
            raise ValueError(*"odd")
        return await done(self)

    async def deed() -> None:
        async with playing() as local:
            local.answer = saying("Answer: so")
            async with coordinating(tmp_path, job({"local": [local.url]}, maxAttempts=2, **VOTE), questions(6)) as coordinator:
                await work(coordinator.address, "one")
                assert (coordinator.status.done, coordinator.status.failed) == (5, 1)

    monkeypatch.setattr(Thinking, "done", odd)
    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    (failed,) = [item for item in items(tmp_path / "ledger.sqlite") if item.state is State.FAILED]
    assert "a defect of the worker's: ValueError" in failed.reason


def test_a_worker_that_is_asked_to_leave(tmp_path: Path) -> None:
    """It gives back what it cannot finish; another one goes on, and the attempt did not count."""

    async def deed() -> None:
        async with playing() as local, coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(3)) as coordinator:
            silent = asyncio.Event()

            async def answer(path: str, body: dict[str, object]) -> Act:
                del path, body
                return said("Answer: so") if silent.is_set() else Act(silence_s=PATIENCE_S)

            local.answer = answer
            stop = asyncio.Event()
            first = asyncio.create_task(work(coordinator.address, "one", stop, grace_s=0.05))
            await local.until(lambda: len(local.asked) >= 6)
            assert coordinator.status.leased == 3
            stop.set()
            await first
            assert coordinator.status.leased == 0
            silent.set()
            await work(coordinator.address, "two")
            assert coordinator.status.done == 3

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert {item.attempts for item in items(tmp_path / "ledger.sqlite")} == {1}


def test_a_coordinator_that_is_started_anew(tmp_path: Path) -> None:
    """Workers wait for it and go on; no call that was recorded is made again."""

    async def deed() -> None:
        async with playing() as local:
            local.answer, asked = saying("Answer: so"), job({"local": [local.url]}, thinking={"adaptive": False}, **VOTE)
            async with coordinating(tmp_path, asked, questions(40)) as first:
                working = asyncio.create_task(work(first.address, "one", at_once=4))
                await local.until(lambda: len(local.asked) > 15)
                port = first.server.port
            async with coordinating(tmp_path, asked, questions(40), port=port) as second:
                await working
                assert (second.status.done, second.status.lanes[0].calls) == (40, 120)
                assert len(local.asked) <= 120 + 16  # what was on its way when it ended may be made again

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))


def test_a_coordinator_that_knows_of_complete_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a cluster is brought to a new version, workers tell an older coordinator of each outcome in the way that it knows."""
    claim = Reasoning.Claim

    async def older(self: Reasoning, request: ClaimRequest, context: Any) -> ClaimResponse:
        request.ClearField("completed")
        return await claim(self, request, context)

    async def deed() -> None:
        async with playing() as local:
            local.answer = saying("Answer: so")
            async with coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(12)) as coordinator:
                await work(coordinator.address, "one")
                assert (coordinator.status.done, coordinator.status.lanes[0].calls) == (12, 36)

    monkeypatch.setattr(Reasoning, "Claim", older)
    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
