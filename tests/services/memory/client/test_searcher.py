"""Searches over one stream: the same answers as calls give, whatever becomes of the stream."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import grpc
import pytest
from tandem_memory.client import AsyncMemory, Memory, Record, RefusedError, TooLateError
from tandem_memory.client.streams import streamed as module
from tandem_rpc import Refused

from tests.clocks import Clock
from tests.services.memory.client.stand_in import StandIn

AWAY = Refused(grpc.StatusCode.UNAVAILABLE, "busy")


@pytest.fixture
def memory(stand_in: StandIn, make: Callable[..., Record]) -> Memory:
    """One with five records."""
    made = Memory(stand_in.address, "team", patience_s=60)
    made.append([make(n) for n in range(5)])
    stand_in.calls.clear()
    return made


def test_many_searches_are_one_stream(memory: Memory, stand_in: StandIn) -> None:
    """Each has its own answer, and no call is made for it."""
    with memory.searcher() as searcher:
        found = [searcher.search(f"question {n}", 1)[0].record.key for n in (3, 1, 4)]
    assert (found, stand_in.calls) == (["key 3", "key 1", "key 4"], ["SearchStream"])


def test_a_stream_that_breaks(memory: Memory, stand_in: StandIn) -> None:
    """The search is made again as a call, and the next one begins a new stream."""
    stand_in.breaks.extend([1])
    with memory.searcher() as searcher:
        found = [searcher.search(f"question {n}", 1)[0].record.key for n in (0, 1, 2, 3)]
    assert found == ["key 0", "key 1", "key 2", "key 3"]
    assert stand_in.calls == ["SearchStream", "Search", "SearchStream"]


def test_a_service_that_is_started_again(memory: Memory, stand_in: StandIn) -> None:
    """Searches go on as soon as it is there."""
    with memory.searcher() as searcher:
        searcher.search("question 0", 1)
        stand_in.stop()
        stand_in.start()
        assert searcher.search("question 2", 1)[0].record.key == "key 2"


def test_what_is_refused_ends_nothing(memory: Memory, stand_in: StandIn) -> None:
    """A query without a word is refused, the next has its answer over the same stream."""
    with memory.searcher() as searcher:
        with pytest.raises(RefusedError, match="no word"):
            searcher.search("?!")
        assert searcher.search("question 2", 1)[0].record.key == "key 2"
    assert stand_in.calls == ["SearchStream"]


def test_a_stream_is_replaced_before_its_deadline_cuts_a_search_short(
    memory: Memory, stand_in: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream has a deadline of its own, twice that of a search; one that is older than a search may take is not used any more."""
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    with memory.but(deadline_s=60).searcher() as searcher:
        searcher.search("question 0", 1)
        clock.now += 61
        searcher.search("question 1", 1)
    assert stand_in.calls.count("SearchStream") == 2


def test_no_answer_in_time(memory: Memory, stand_in: StandIn) -> None:
    """Whoever searches is told when the service is silent."""
    stand_in.mute.set()
    with memory.but(deadline_s=0.05).searcher() as searcher, pytest.raises(TooLateError):
        searcher.search("question 0", 1)


def test_in_an_event_loop(memory: Memory, stand_in: StandIn, eventually: Callable[[Callable[[], object]], None]) -> None:
    """The same, and tasks that share a searcher have each their own answer, also when one of them waits no longer."""

    async def deed() -> list[str]:
        async with AsyncMemory(stand_in.address, "team", patience_s=60) as ours, ours.searcher() as searcher:
            stand_in.mute.set()
            impatient = asyncio.create_task(searcher.search("question 0", 1))
            await asyncio.to_thread(eventually, lambda: "SearchStream" in stand_in.calls)
            impatient.cancel()
            stand_in.mute.clear()
            stand_in.breaks.append(3)
            found = await asyncio.gather(*(searcher.search(f"question {n}", 1) for n in range(5)))
            return [hits[0].record.key for hits in found]

    del memory
    assert asyncio.run(deed()) == [f"key {n}" for n in range(5)]


def test_a_stream_that_was_ended_while_nobody_searched(memory: Memory, stand_in: StandIn) -> None:
    """In an event loop writing into it fails in another way: the search is made as a call."""

    async def deed() -> str:
        async with AsyncMemory(stand_in.address, "team", patience_s=60) as ours, ours.searcher() as searcher:
            await searcher.search("question 0", 1)
            await asyncio.to_thread(stand_in.stop)
            stand_in.start()
            await asyncio.sleep(0.1)
            return (await searcher.search("question 4", 1))[0].record.key

    del memory
    assert asyncio.run(deed()) == "key 4"
