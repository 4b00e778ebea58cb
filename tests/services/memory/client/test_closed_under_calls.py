"""An `AsyncMemory` that is closed while tasks are in its calls: each is told, and none is taken for cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tandem_memory.client import AsyncMemory, ClosedError, Record

from tests.services.memory.client.stand_in import StandIn

Make = Callable[..., Record]
Eventually = Callable[[Callable[[], object]], None]
Deed = Callable[[AsyncMemory, Record], Awaitable[object]]


async def append(memory: AsyncMemory, record: Record) -> None:
    await memory.append([record])


async def write(memory: AsyncMemory, record: Record) -> None:
    async with memory.writer() as writer:
        await writer.write(record)


async def append_one_after_the_other(memory: AsyncMemory, record: Record) -> None:
    async with memory.appender() as appender:
        await appender.append([record])


async def export(memory: AsyncMemory, _: Record) -> None:
    await anext(memory.export())


async def import_(memory: AsyncMemory, record: Record) -> None:
    await memory.import_([record.message()])


async def watch(memory: AsyncMemory, _: Record) -> None:
    async for _ in memory.watch():
        pass


DEEDS = [append, write, append_one_after_the_other, export, import_, watch]


@pytest.fixture
def held(stand_in: StandIn) -> StandIn:
    """One that hears calls and answers none."""
    stand_in.held.set()
    return stand_in


@pytest.mark.parametrize("deed", DEEDS)
def test_a_call_in_progress_says_that_the_client_is_closed(held: StandIn, make: Make, eventually: Eventually, deed: Deed) -> None:
    """A task group ends with it: what was to be appended may not be in."""

    async def closing() -> None:
        memory = AsyncMemory(held.address, "team")
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(deed(memory, make(0)))
            await asyncio.to_thread(eventually, lambda: held.calls)
            await memory.close()

    with pytest.raises(ExceptionGroup) as told:
        asyncio.run(closing())
    assert [type(each) for each in told.value.exceptions] == [ClosedError]


@pytest.mark.parametrize("deed", DEEDS)
def test_a_task_that_is_cancelled_in_a_call_is_cancelled(held: StandIn, make: Make, eventually: Eventually, deed: Deed) -> None:
    """It is no error of the client."""

    async def cancelling() -> None:
        async with AsyncMemory(held.address, "team") as memory:
            task = asyncio.create_task(deed(memory, make(0)))
            await asyncio.to_thread(eventually, lambda: held.calls)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelling())
