"""Appends over one stream: each is durable when it returns, and there once, whatever becomes of the stream."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from tandem_memory.client import AsyncMemory, Memory, Record, RefusedError, TooLateError
from tandem_rpc import Refused

from tests.services.memory.client.stand_in import StandIn
from tests.services.memory.process import Service


def test_many_appends_are_one_stream(memory: Memory, stand_in: StandIn, make: Callable[..., Record]) -> None:
    """Each has its own answer, which says whether the record was there, and no call is made for it."""
    with memory.appender() as appender:
        done = [appender.append([make(n)])[0] for n in (0, 1, 0)]
        several = appender.append(make(n) for n in (1, 2))
    assert [each.id for each in (*done, *several)] == ["r0", "r1", "r0", "r1", "r2"]
    assert [each.known for each in (*done, *several)] == [False, False, True, True, False]
    assert stand_in.calls == ["AppendStream"]


def test_a_stream_that_breaks(memory: Memory, stand_in: StandIn) -> None:
    """What was under way is appended again under its key, as a call, and the next one begins a new stream."""
    stand_in.breaks.extend([1])
    with memory.appender() as appender:
        done = [appender.append([Record(question=f"question {n}")])[0].id for n in range(3)]
    assert done == ["r0", "r1", "r2"]
    assert len(stand_in.records) == 3
    assert stand_in.calls == ["AppendStream", "Append", "AppendStream"]


def test_what_is_refused_is_said(memory: Memory, stand_in: StandIn, make: Callable[..., Record]) -> None:
    """As of a call; the next one is taken in."""
    refused = Refused(grpc.StatusCode.INVALID_ARGUMENT, "records[0].score: 7 is more than 1", field="records[0].score")
    with memory.appender() as appender:
        stand_in.refusals.extend([refused, refused])  # the stream, and the call that is tried in its place
        with pytest.raises(RefusedError, match="7 is more than 1"):
            appender.append([make(0)])
        assert not appender.append([make(0)])[0].known


def test_no_answer_in_time(memory: Memory, stand_in: StandIn, make: Callable[..., Record]) -> None:
    """Whoever appends is told when the service is silent."""
    stand_in.silent.set()
    with memory.but(deadline_s=0.05).appender() as appender, pytest.raises(TooLateError):
        appender.append([make(0)])


def test_in_an_event_loop(stand_in: StandIn, make: Callable[..., Record]) -> None:
    """The same, and tasks that share an appender have each their own answer."""
    stand_in.breaks.append(3)

    async def deed() -> list[str]:
        async with AsyncMemory(stand_in.address, "team", patience_s=60) as ours, ours.appender() as appender:
            done = await asyncio.gather(*(appender.append([make(n)]) for n in range(6)))
            return [each.id for (each,) in done]

    assert sorted(asyncio.run(deed())) == [f"r{n}" for n in range(6)]
    assert len(stand_in.records) == 6
    assert stand_in.calls.count("Append") == 1


def test_it_goes_on_with_a_real_service_that_was_killed(tmp_path: Path) -> None:
    """What was acknowledged is there; the next append waits until the service is back."""
    service = Service(tmp_path).start()
    with Memory(service.address, "team", patience_s=300) as memory, memory.appender() as appender:
        for n in range(20):
            appender.append([Record(question=f"{n}")])
            if n == 10:
                service.kill()
                service.start()
        assert [record.question for record in memory.scan()] == [f"{n}" for n in range(20)]
    service.kill()
