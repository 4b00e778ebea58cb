"""`AsyncMemory` against the same server: what differs from `Memory` is how it waits."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest
from tandem_memory.client import (
    AsyncMemory,
    AsyncWatch,
    ClosedError,
    FullError,
    Judged,
    Memory,
    Record,
    RefusedError,
    UnreachableError,
)
from tandem_rpc import Refused, invalid

from tests.services.memory.client.stand_in import StandIn

Make = Callable[..., Record]
Eventually = Callable[[Callable[[], object]], None]
AWAY = Refused(grpc.StatusCode.UNAVAILABLE, "stopping")


def with_memory(stand_in: StandIn, deed: Callable[[AsyncMemory], Awaitable[None]]) -> None:
    """Do something in an event loop of its own."""

    async def doing() -> None:
        async with AsyncMemory(stand_in.address, "team") as memory:
            await deed(memory)

    asyncio.run(doing())


def test_it_has_the_methods_of_the_blocking_one() -> None:
    """Who knows one knows the other."""
    ours, theirs = ({name for name in dir(each) if not name.startswith("_")} for each in (AsyncMemory, Memory))
    assert ours == theirs


def test_what_is_appended_is_found_got_scanned_and_judged(stand_in: StandIn, make: Make) -> None:
    """Retries included, under keys."""

    async def deed(memory: AsyncMemory) -> None:
        stand_in.refusals += [AWAY, AWAY]
        ids = [each.id for each in await memory.append(make(n) for n in range(250))]
        assert [each.id async for each in memory.scan()] == ids
        assert [each.id for each in await memory.get(ids[:5])] == ids[:5]
        assert (await memory.search("question 9", k=1))[0].record.question == "question 9"
        assert await memory.judge([Judged(id=ids[0], gain=1.0, source="local")]) == 1

    with_memory(stand_in, deed)
    assert stand_in.calls[:3] == ["Append"] * 3


def test_a_refusal_is_typed(stand_in: StandIn, make: Make) -> None:
    """As it is for threads."""

    async def deed(memory: AsyncMemory) -> None:
        stand_in.refusals.append(invalid("records[0].score", "2.0 is above 1"))
        with pytest.raises(RefusedError, match=r"memory at .*: records\[0\].score: 2.0 is above 1") as caught:
            await memory.append([make(0)])
        assert caught.value.field == "records[0].score"

    with_memory(stand_in, deed)


def test_a_writer_loses_nothing_over_streams_that_break(stand_in: StandIn, make: Make) -> None:
    """As `Writer`; on leaving every record is there once, in its order."""
    stand_in.breaks += [0, 1, 2, 0, 3]
    told: dict[str, str] = {}

    async def deed(memory: AsyncMemory) -> None:
        async with memory.writer(lambda key, appended: told.update({key: appended.id})) as writer:
            await writer.write_all(make(n) for n in range(3000))
        assert writer.acknowledged == 3000

    with_memory(stand_in, deed)
    assert [each.key for each in stand_in.records.values()] == [f"key {n}" for n in range(3000)]
    assert told == stand_in.by_key
    assert not stand_in.breaks


def test_a_writer_raises_on_leaving(stand_in: StandIn, make: Make) -> None:
    """What was refused, or that nobody is there any more."""

    async def deed(memory: AsyncMemory) -> None:
        stand_in.refusals += [Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "disk: full")] * 9  # a call that is not heard is made again
        with pytest.raises(FullError):
            async with memory.writer() as writer:
                await writer.write(make(0))
        stand_in.stop()
        with pytest.raises(UnreachableError):
            async with memory.but(patience_s=0.2).writer() as writer:
                await writer.write(make(0))

    with_memory(stand_in, deed)


def test_many_searches_are_answered_in_their_order(stand_in: StandIn, make: Make) -> None:
    """Over streams that break."""
    stand_in.breaks += [0, 1, 1]
    records = [make(n) for n in range(60)]

    async def deed(memory: AsyncMemory) -> None:
        await memory.append(records)
        asked = [each.vector for each in records * 5 if each.vector is not None]
        found = [hits[0].record.question async for hits in memory.search_many(asked, k=1)]
        assert found == [each.question for each in records * 5]

    with_memory(stand_in, deed)


def test_a_watch_goes_on_where_it_was_whatever_breaks(stand_in: StandIn, make: Make) -> None:
    """Streams break, the service goes and comes back: every record comes exactly once."""
    stand_in.breaks += [0, 1, 0, 2]
    seen: list[str] = []

    async def deed(memory: AsyncMemory) -> None:
        await memory.append(make(n) for n in range(40))
        async with memory.watch() as watch:
            async for news in watch:
                seen.extend(change.key for change in news.changes if isinstance(change, Record))
                if len(seen) == 40:
                    await asyncio.to_thread(stand_in.stop)
                    stand_in.start()
                    await memory.append([make(40)])
                if len(seen) == 41:
                    break

    with_memory(stand_in, deed)
    assert seen == [f"key {n}" for n in range(41)]


def test_a_watch_ends_when_it_is_closed_and_when_its_task_is_cancelled(stand_in: StandIn) -> None:
    """Closed, the loop ends quietly; cancelled, the task is."""

    async def deed(memory: AsyncMemory) -> None:
        heard = asyncio.Event()
        watch = memory.watch()
        task = asyncio.create_task(_drain(watch, heard))
        await heard.wait()
        await watch.close()
        await asyncio.wait_for(task, 300)
        heard.clear()
        task = asyncio.create_task(_drain(memory.watch(), heard))
        await heard.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with_memory(stand_in, deed)


def test_a_watch_ends_while_nobody_answers(stand_in: StandIn, eventually: Eventually, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried again without end, but not beyond its own; the client stays open, and when it is closed that is what is said."""
    caplog.set_level("INFO", "tandem_memory.client.link")
    stand_in.stop()

    async def deed(memory: AsyncMemory) -> None:
        watch, unheard = memory.watch(), asyncio.Event()
        closed, left = (asyncio.create_task(_drain(each, unheard)) for each in (watch, memory.watch()))
        async with asyncio.timeout(300):
            await asyncio.to_thread(eventually, lambda: caplog.text.count("tried again") >= 4)
            await watch.close()
            await closed
            await memory.close()
            with pytest.raises(ClosedError):
                await left

    with_memory(stand_in, deed)


def test_a_closed_client_says_so(stand_in: StandIn) -> None:
    """A call after `close` is the caller's mistake, in one line."""

    async def deed(memory: AsyncMemory) -> None:
        await memory.close()
        with pytest.raises(ClosedError):
            await memory.search("?")

    with_memory(stand_in, deed)


async def _drain(watch: AsyncWatch, heard: asyncio.Event) -> None:
    async for _ in watch:
        heard.set()
