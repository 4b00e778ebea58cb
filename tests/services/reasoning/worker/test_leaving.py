"""What becomes of leases when an answer is lost, and of a worker that is to leave while nobody answers."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.reasoning.v1.reasoning_pb2 import (
    ClaimRequest,
    ClaimResponse,
    CompleteRequest,
    ExtendRequest,
    ExtendResponse,
    InspectedRequest,
    InspectedResponse,
)
from tandem_reasoning.coordinator.handing import Handing
from tandem_reasoning.coordinator.service import Reasoning
from tandem_reasoning.ledger import Claim
from tandem_reasoning.worker import inspecting
from tandem_reasoning.worker.calls import LostError
from tandem_reasoning.worker.item import Thinking

from tests.parts.running import free_port
from tests.services.reasoning.coordination import coordinating, items, job, questions, saying, work
from tests.services.reasoning.lanes.wire_server import Act, playing

PATIENCE_S = 300
VOTE = {"routing": {"policy": "Local"}}


def test_what_was_leased_by_an_answer_that_is_lost_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its leases would have to lapse, and an attempt at each that was never made would count."""
    claim, lost = Reasoning.Claim, list[int]()

    async def forgotten(self: Reasoning, request: ClaimRequest, context: Any) -> ClaimResponse:
        answer = await claim(self, request, context)
        if answer.leases and not request.unsure and len(lost) < 3:
            lost.append(len(answer.leases))
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection is gone")
        return answer

    async def deed() -> None:
        async with playing() as local:
            local.answer = saying("Answer: so")
            async with coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(30)) as coordinator:
                await work(coordinator.address, "one", at_once=4)
                assert (coordinator.status.done, coordinator.status.leased) == (30, 0)

    monkeypatch.setattr(Reasoning, "Claim", forgotten)
    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert len(lost) == 3
    assert {item.attempts for item in items(tmp_path / "ledger.sqlite")} == {1}


@pytest.mark.parametrize("over", [False, True])
def test_a_probe_goes_on_over_an_answer_that_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, over: bool) -> None:
    """It is asked for once more then, by another number, also when it is over and not told; made twice, it would be paid for twice."""
    claim, probe, inspected = Reasoning.Claim, inspecting.probe, Reasoning.Inspected
    asked, begun, twice = list[int](), list[str](), asyncio.Event()

    async def forgotten(self: Reasoning, request: ClaimRequest, context: Any) -> ClaimResponse:
        answer = await claim(self, request, context)
        asked.extend(each.number for each in answer.inspections)
        if len(asked) == 1 and begun:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection is gone")
        if len(asked) > 1:
            twice.set()
        return answer

    async def slow(client: Any, url: str, *rest: Any, **more: Any) -> Any:
        begun.append(url)
        if not over:
            await twice.wait()
        return await probe(client, url, *rest, **more)

    async def told(self: Reasoning, request: InspectedRequest, context: Any) -> InspectedResponse:
        if not twice.is_set():
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection is gone")
        return await inspected(self, request, context)

    async def deed() -> None:
        async with playing() as local:
            local.answer = saying("Answer: so")
            async with coordinating(tmp_path, job({"local": [local.url]}, probe=True, **VOTE), questions(3)) as coordinator:
                await work(coordinator.address, "one")
                assert coordinator.status.done == 3
                assert coordinator.rooms.inspections.waited_for is False

    monkeypatch.setattr(Reasoning, "Claim", forgotten)
    monkeypatch.setattr(inspecting, "probe", slow)
    monkeypatch.setattr(Reasoning, "Inspected", told)
    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert len(asked) == 2
    assert len(begun) == 1


def test_a_worker_that_nobody_answers_leaves(tmp_path: Path) -> None:
    """Before its first word was heard, and with a question at hand: neither waits for a coordinator."""

    async def deed() -> None:
        stop = asyncio.Event()
        early = asyncio.create_task(work(f"127.0.0.1:{free_port()}", "early", stop))
        await asyncio.sleep(0.2)
        stop.set()
        await early
        async with playing() as local:

            async def silent(path: str, body: dict[str, object]) -> Act:
                del path, body
                return Act(silence_s=PATIENCE_S)

            local.answer, stop = silent, asyncio.Event()
            async with coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(3)) as coordinator:
                late = asyncio.create_task(work(coordinator.address, "late", stop, grace_s=0.05))
                await local.until(lambda: len(local.asked) >= 6)
            stop.set()
            await late

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))


def test_a_worker_that_only_waits_leaves_at_once(tmp_path: Path) -> None:
    """With nothing under way there is nothing to finish, however long the lane wants to be left alone."""

    async def throttled(path: str, body: dict[str, object]) -> Act:
        del path, body
        return Act(status=429, headers={"retry-after": "20"}, body=b'{"error": {"message": "slow down"}}')

    async def deed() -> None:
        async with playing() as local, coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(3)) as coordinator:
            local.answer, stop, loop = throttled, asyncio.Event(), asyncio.get_running_loop()
            waiting = asyncio.create_task(work(coordinator.address, "one", stop, grace_s=PATIENCE_S))
            await local.until(lambda: len(local.asked) >= 1)
            while coordinator.status.lanes[0].state != "Throttled":  # noqa: ASYNC110 - nothing says so but the status
                await asyncio.sleep(0.01)
            stop.set()
            asked_at = loop.time()
            await waiting
            assert loop.time() - asked_at < PATIENCE_S / 10
            assert (coordinator.status.leased, coordinator.status.done) == (0, 0)

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))


@pytest.mark.parametrize("why", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE])
def test_a_lease_that_has_lapsed_takes_no_other_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: grpc.StatusCode) -> None:
    """After a while without a word the worker is given its own question again, and keeps that lease whatever is said of the first."""
    done, extend, wish = Thinking.done, Reasoning.Extend, Handing.wish
    fences, over, kept = list[int](), asyncio.Event(), asyncio.Event()

    async def slow(self: Thinking) -> CompleteRequest | None:
        fences.append(self.lease.hold.fence)
        if len(fences) == 1:
            try:
                await over.wait()
            finally:
                raise LostError
        over.set()
        await kept.wait()
        return await done(self)

    async def cut_off(self: Reasoning, request: ExtendRequest, context: Any) -> ExtendResponse:
        if len(fences) == 1:
            await context.abort(why, "cut off")
        if fences[1] in {hold.fence for hold in request.holds}:
            kept.set()
        return await extend(self, request, context)

    def lasting(self: Handing, *of: Any) -> Claim:
        """The first lease lapses soon; the second does not, however slow the machine is."""
        return replace(wish(self, *of), lease_s=PATIENCE_S) if fences else wish(self, *of)

    async def deed() -> None:
        async with playing() as local:
            local.answer, asked = saying("Answer: so"), job({"local": [local.url]}, leaseSeconds=3.0, **VOTE)
            async with coordinating(tmp_path, asked, questions(1)) as coordinator:
                await work(coordinator.address, "one")
                assert coordinator.status.done == 1

    monkeypatch.setattr(Thinking, "done", slow)
    monkeypatch.setattr(Reasoning, "Extend", cut_off)
    monkeypatch.setattr(Handing, "wish", lasting)
    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert len(fences) == 2
