"""How requests of a stream are worked on at once."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from tandem_memory.service.pipeline import Turn, Turns, in_order

from tests.services.memory.service.turns import idle


class Asked:
    """A request of a size."""

    def __init__(self, number: int, size: int = 1) -> None:
        self.number, self.size = number, size

    def ByteSize(self) -> int:  # noqa: N802 - protobuf's name
        return self.size


async def requests(*asked: Asked) -> AsyncIterator[Asked]:
    for each in asked:
        yield each


class Work:
    """Is done when a test says so."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self._done: dict[int, asyncio.Event] = {}

    async def __call__(self, asked: Asked) -> int:
        self.begun.append(asked.number)
        try:
            await self._done.setdefault(asked.number, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(asked.number)
            raise
        return asked.number

    def finish(self, *numbers: int) -> None:
        for number in numbers:
            self._done.setdefault(number, asyncio.Event()).set()


def test_answers_come_in_order_whichever_is_done_first() -> None:
    """Several are worked on at once, as many as may be and no more."""

    async def scenario() -> None:
        work, answers = Work(), list[int]()

        async def read() -> None:
            answers.extend([answer async for answer in in_order(requests(*map(Asked, range(6))), work, most=3)])

        reading = asyncio.create_task(read())
        await idle()
        assert work.begun == [0, 1, 2]
        work.finish(2, 1)
        await idle()
        assert (answers, work.begun) == ([], [0, 1, 2])
        work.finish(0, 3, 4, 5)
        await reading
        assert answers == [0, 1, 2, 3, 4, 5]

    asyncio.run(scenario())


def test_bytes_are_bounded_as_well() -> None:
    """A large request waits for room, and one larger than all the room is worked on alone."""

    async def scenario() -> None:
        work = Work()
        asked = (Asked(0, 6), Asked(1, 5), Asked(2, 100), Asked(3, 1))
        reading = asyncio.create_task(_all(in_order(requests(*asked), work, most=9, most_bytes=10)))
        for number in range(4):
            await idle()
            assert work.begun == [*range(number + 1)]
            work.finish(number)
        await reading

    asyncio.run(scenario())


async def _all(answers: AsyncIterator[int]) -> list[int]:
    return [answer async for answer in answers]


def test_a_failure_ends_the_stream_in_its_place() -> None:
    """What came before is answered, what is behind is dropped."""

    async def scenario() -> None:
        work, answers = Work(), list[int]()

        def refusing(asked: Asked) -> Coroutine[Any, Any, int]:
            return _refuse() if asked.number == 2 else work(asked)

        async def read() -> None:
            async for answer in in_order(requests(*map(Asked, range(5))), refusing):
                answers.append(answer)

        reading = asyncio.create_task(read())
        await idle()
        work.finish(0, 1)
        with pytest.raises(LookupError):
            await reading
        assert answers == [0, 1]
        assert work.cancelled == [3, 4]

    asyncio.run(scenario())


async def _refuse() -> int:
    raise LookupError


def test_who_stops_reading_stops_the_work() -> None:
    """Nothing goes on in the background."""

    async def scenario() -> None:
        work = Work()
        answers = in_order(requests(*map(Asked, range(5))), work)
        work.finish(0)
        assert await anext(answers) == 0
        await idle()
        await answers.aclose()
        assert work.cancelled == [1, 2, 3, 4]

    asyncio.run(scenario())


def test_requests_that_break_off_are_said() -> None:
    """After the answers to those that came."""

    async def broken() -> AsyncIterator[Asked]:
        yield Asked(0)
        raise ConnectionError

    async def scenario() -> None:
        work = Work()
        work.finish(0)
        answers = in_order(broken(), work)
        assert await anext(answers) == 0
        with pytest.raises(ConnectionError):
            await anext(answers)

    asyncio.run(scenario())


def test_who_takes_turns_has_no_task_for_each_request() -> None:
    """What comes while nothing is under way is worked on by who waits for its answer; a second one beside it is not."""

    async def scenario() -> None:
        within = list[tuple[int, bool]]()
        come, reader = asyncio.Queue[Asked](), asyncio.current_task()

        async def asked() -> AsyncIterator[Asked]:
            while True:
                yield await come.get()

        async def work(asked: Asked) -> int:
            within.append((asked.number, asyncio.current_task() is reader))
            await asyncio.sleep(0)
            return asked.number

        answers = in_order(asked(), work)
        for number in range(3):
            come.put_nowait(Asked(number))
            assert await anext(answers) == number
            await idle()
        for number in (3, 4):
            come.put_nowait(Asked(number))
        assert [await anext(answers), await anext(answers)] == [3, 4]
        await answers.aclose()
        assert within == [(0, True), (1, True), (2, True), (3, True), (4, False)]

    asyncio.run(scenario())


@pytest.mark.filterwarnings("error")
def test_what_was_not_begun_is_closed() -> None:
    """A request that came, and whose answer nobody waits for any more: there is no word of a coroutine that was never awaited."""

    async def scenario() -> None:
        work, come = Work(), asyncio.Queue[Asked]()

        async def asked() -> AsyncIterator[Asked]:
            while True:
                yield await come.get()

        answers = in_order(asked(), work)
        waiting = asyncio.create_task(anext(answers))
        await idle()
        come.put_nowait(Asked(0))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await answers.aclose()
        assert work.begun == []

    asyncio.run(scenario())


def test_turns_are_taken_in_the_order_of_requests() -> None:
    """Whoever is ready first waits for those before; behind one that fails nobody has a turn."""

    async def scenario() -> None:
        turns, begun = Turns(), list[int]()
        ready = [asyncio.Event() for _ in range(5)]

        async def work(number: int, turn: Turn) -> None:
            with turn:
                await ready[number].wait()
                if number == 3:
                    raise ValueError(number)
                await turn.come()
            begun.append(number)

        tasks = [asyncio.create_task(work(number, turns.following())) for number in range(5)]
        for number in (4, 3, 1):
            ready[number].set()
        await idle()
        assert begun == []
        for number in (0, 2):
            ready[number].set()
        await idle()
        assert begun == [0, 1, 2]
        tasks[4].cancel()
        *done, failed, dropped = await asyncio.gather(*tasks, return_exceptions=True)
        assert done == [None, None, None]
        assert isinstance(failed, ValueError)
        assert isinstance(dropped, asyncio.CancelledError)
        assert begun == [0, 1, 2]

    asyncio.run(scenario())
