"""A memory that stalls or is gone: a search gives up after a moment, and the memory is left alone for a while."""

import asyncio
import signal

from tandem_memory.client import AsyncMemory, Filter, Record
from tandem_reasoning.coordinator.memory.reach import Reach

from tests.services.memory.process import Service
from tests.services.reasoning.memory.conftest import NAMESPACE, awaited, told

QUESTION = "What is it?"
WAIT_S = 0.5


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def found(reach: Reach) -> int | None:
    """How many records a search gives; None while the memory is away."""
    hits = await reach.search(QUESTION, 1, Filter())
    return None if hits is None else len(hits)


async def until_found(reach: Reach, clock: Clock) -> None:
    """Search until the memory is back; the wire, too, takes its time to find out."""
    while not await found(reach):
        clock.now += 60
        await asyncio.sleep(0.1)


def test_a_memory_that_stalls_holds_nobody_up(memory: Service) -> None:
    """The first search gives up, the next ones do not even ask, and one that comes later finds again."""
    told(memory, Record(question=QUESTION))

    async def deed() -> None:
        async with AsyncMemory(memory.address, NAMESPACE) as client:
            clock = Clock()
            reach = Reach(client, clock, wait_s=WAIT_S)
            await reach.greet()
            await until_found(reach, clock)
            assert reach.problem == ""
            memory.signal(signal.SIGSTOP)
            assert await found(reach) is None
            assert reach.problem
            memory.signal(signal.SIGCONT)
            assert await found(reach) is None  # left alone
            clock.now += 60
            await until_found(reach, clock)
            assert reach.problem == ""

    awaited(deed)


def test_a_memory_that_is_gone_and_comes_back(memory: Service) -> None:
    """It is away while nobody listens, and found again when somebody does."""
    told(memory, Record(question=QUESTION))
    memory.kill()

    async def deed() -> None:
        async with AsyncMemory(memory.address, NAMESPACE) as client:
            clock = Clock()
            reach = Reach(client, clock, wait_s=WAIT_S)
            await reach.greet()
            assert reach.problem
            assert await found(reach) is None
            await asyncio.to_thread(memory.start)
            await until_found(reach, clock)

    awaited(deed)


def test_a_memory_that_has_nothing(memory: Service) -> None:
    """A namespace that nobody wrote to yet is no trouble, and a text without a word finds nothing."""

    async def deed() -> None:
        async with AsyncMemory(memory.address, NAMESPACE) as client:
            reach = Reach(client, Clock(), wait_s=60.0)
            await reach.greet()
            assert await found(reach) == 0
            assert await reach.search("", 1, Filter()) == ()
            assert reach.problem == ""

    awaited(deed)
