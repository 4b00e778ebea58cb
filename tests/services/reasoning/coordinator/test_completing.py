"""Outcomes that come with the claim of other questions: each counts once, and none is in the way of another."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem_reasoning.ledger import FullError
from tandem_reasoning.worker.line import Line

from tests.services.reasoning.coordination import Coordinator, coordinating, items, job, questions

PATIENCE_S = 240


def with_coordinator(folder: Path, count: int, deed: Callable[[Coordinator, Line], Awaitable[None]]) -> None:
    """Do something with a coordinator of so many questions, over a line to it."""

    async def done() -> None:
        told = job({"local": ["http://127.0.0.1:9/v1"]}, routing={"policy": "Local"})
        async with coordinating(folder, told, questions(count)) as coordinator, Line(coordinator.address, None) as line:
            await deed(coordinator, line)

    asyncio.run(asyncio.wait_for(done(), PATIENCE_S))


async def exchanged(line: Line, count: int, *completed: wire.CompleteRequest) -> wire.ClaimResponse:
    return await line.stub.Claim(wire.ClaimRequest(worker="w", count=count, completed=completed))


def so(hold: wire.Hold, answer: str = "so") -> wire.CompleteRequest:
    return wire.CompleteRequest(worker="w", hold=hold, answer=answer, lane="local", agreement=1.0)


def test_outcomes_and_the_next_questions_in_one_message(tmp_path: Path) -> None:
    """What is told is in the books once it is answered, others are handed out for it, and after the last one the run is over at once."""

    async def deed(coordinator: Coordinator, line: Line) -> None:
        first = await exchanged(line, 2)
        second = await exchanged(line, 2, *(so(lease.hold) for lease in first.leases))
        assert [lease.hold.item for lease in second.leases] == ["q2"]
        assert [said.stale for said in second.completed] == [False, False]
        assert (coordinator.status.done, coordinator.status.leased, second.over) == (2, 1, False)
        last = await exchanged(line, 1, so(second.leases[0].hold))
        assert (last.over, len(last.completed), coordinator.status.done) == (True, 1, 3)

    with_coordinator(tmp_path, 3, deed)
    assert {item.outcome and item.outcome.answer for item in items(tmp_path / "ledger.sqlite")} == {"so"}


def test_an_outcome_that_is_told_again(tmp_path: Path) -> None:
    """Because its answer was lost: it counts once, and what counts is what was told first."""

    async def deed(coordinator: Coordinator, line: Line) -> None:
        (lease,) = (await exchanged(line, 1)).leases
        for answer in ("so", "not so"):
            (said,) = (await exchanged(line, 0, so(lease.hold, answer))).completed
            assert not said.stale
        assert coordinator.status.done == coordinator.status.lanes[0].done == 1
        assert coordinator.status.agreement == 1.0

    with_coordinator(tmp_path, 2, deed)
    assert items(tmp_path / "ledger.sqlite")[0].outcome.answer == "so"  # type: ignore[union-attr]


def test_one_that_is_refused_harms_no_other(tmp_path: Path) -> None:
    """Neither a question that there is not, nor one that is somebody else's, nor what is no JSON keeps others from counting."""

    async def deed(coordinator: Coordinator, line: Line) -> None:
        taken, gone, odd = (lease.hold for lease in (await exchanged(line, 3)).leases)
        await line.stub.Release(wire.ReleaseRequest(worker="w", holds=[gone]))
        unknown, broken = so(wire.Hold(item="nobody's", fence=1)), so(odd)
        broken.route.near.add(similarity=1.0, agreed=1.0)
        broken.detail = "{"
        said = await exchanged(line, 1, unknown, so(gone), broken, so(taken))
        assert [bool(each.refused) for each in said.completed] == [True, False, True, False]
        assert "nobody's" in said.completed[0].refused
        assert [each.stale for each in said.completed] == [False, True, False, False]
        assert [lease.hold.item for lease in said.leases] == [gone.item]
        assert coordinator.status.done == 1
        with pytest.raises(grpc.aio.AioRpcError, match="nobody's"):
            await line.stub.Complete(unknown)

    with_coordinator(tmp_path, 3, deed)


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is answered that was not done: the whole message is asked again, and counts once there is room."""

    async def deed(coordinator: Coordinator, line: Line) -> None:
        (lease,) = (await exchanged(line, 1)).leases
        ledger = coordinator.rooms.desk._ledger

        def full(*_: object, **__: object) -> None:
            raise FullError(*["no room"])

        with monkeypatch.context() as meanwhile:
            for name in ("write", "commit"):
                meanwhile.setattr(ledger, name, full)
            with pytest.raises(grpc.aio.AioRpcError, match="nothing was done, ask again"):
                await exchanged(line, 1, so(lease.hold))
        again = await exchanged(line, 1, so(lease.hold))
        assert ([each.hold.item for each in again.leases], coordinator.status.done) == (["q1"], 1)

    with_coordinator(tmp_path, 2, deed)
