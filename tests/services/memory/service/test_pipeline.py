"""How requests of a stream are worked on at once, and how searches that wait are made together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.backend import DamagedError, Near
from tandem_memory.figures import Figures
from tandem_memory.service.batches import Batches, Question
from tandem_memory.service.pipeline import in_order


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


async def idle() -> None:
    """Let everything happen that can."""
    for _ in range(50):
        await asyncio.sleep(0)


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


class Looked:
    """A backend that notes what it is asked, and answers when it may; the record found is named after the query."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[float], int]] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None
        self.damaged = float("nan")  # the query that finds a damaged record
        self.damage = "records 1/1", "not as it was written"

    async def search(
        self, namespace: str, queries: npt.NDArray[np.float32], k: int, wanted: Filter, *, vectors: bool
    ) -> Sequence[Sequence[Near]]:
        del wanted, vectors
        self.asked.append((namespace, queries[:, 0].tolist(), k))
        await self.go.wait()
        if self.error:
            raise self.error
        if self.damaged in queries:
            raise DamagedError(*self.damage)
        return [[Near(record=Record(id=f"{query[0]:g}"), similarity=1)] for query in queries]


def _searched(scenario: Callable[[Looked, Callable[..., "asyncio.Task[list[str]]"]], Coroutine[Any, Any, None]]) -> None:
    async def running() -> None:
        looked = Looked()
        batches = Batches(looked, Figures())  # type: ignore[arg-type]

        async def nearest(*queries: float, namespace: str = "n", k: int = 1, wanted: bytes = b"") -> list[str]:
            question = Question(namespace=namespace, k=k, wanted=wanted, vectors=False)
            found = await batches.nearest(question, np.array([[query] for query in queries], np.float32))
            return [each[0].record.id for each in found]

        await scenario(looked, lambda *queries, **asked: asyncio.create_task(nearest(*queries, **asked)))

    asyncio.run(running())


def test_searches_that_wait_are_made_together() -> None:
    """All that come in one turn of the loop are one look, and each has its own answers."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1), search(2, 3), search(4)]
        looked.go.set()
        assert [await each for each in searches] == [["1"], ["2", "3"], ["4"]]
        assert looked.asked == [("n", [1, 2, 3, 4], 1)]

    _searched(scenario)


def test_what_comes_meanwhile_gathers() -> None:
    """While a look is under way, further searches wait and are made together afterwards."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1)]
        await idle()
        searches.extend(map(search, (2, 3, 4)))
        await idle()
        looked.go.set()
        await asyncio.gather(*searches)
        assert [queries for _, queries, _ in looked.asked] == [[1], [2, 3, 4]]

    _searched(scenario)


def test_behind_a_look_that_takes_long_nobody_waits_long() -> None:
    """Another one is begun for them, and what comes while both are under way is made together afterwards."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1)]
        await idle()
        searches.append(search(2))
        while len(looked.asked) < 2:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        searches.extend(map(search, (3, 4, 5)))
        await asyncio.sleep(0.02)
        assert [queries for _, queries, _ in looked.asked] == [[1], [2]]
        looked.go.set()
        await asyncio.gather(*searches)
        assert [queries for _, queries, _ in looked.asked] == [[1], [2], [3, 4, 5]]

    _searched(scenario)


def test_only_what_asks_the_same_is_made_together() -> None:
    """Of the same namespace, as many records, under the same filter."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(1), search(2, namespace="m"), search(3, k=2), search(4, wanted=Filter(sources=["x"]).SerializeToString())]
        looked.go.set()
        assert [await each for each in searches] == [["1"], ["2"], ["3"], ["4"]]
        assert len(looked.asked) == 4

    _searched(scenario)


def test_a_look_is_not_too_large() -> None:
    """Many searches are several looks; a single large one is one."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        searches = [search(*range(100)), *(search(query) for query in range(40))]
        looked.go.set()
        await asyncio.gather(*searches)
        assert [len(queries) for _, queries, _ in looked.asked] == [100, 32, 8]

    _searched(scenario)


def test_a_failure_is_everybodys_and_the_next_look_is_made() -> None:
    """Who asked together is told together; who left is not waited for."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.error = LookupError("gone")
        looked.go.set()
        together = [search(1), search(2)]
        for each in together:
            with pytest.raises(LookupError):
                await each
        looked.error = None
        looked.go.clear()
        left, stayed = search(3), search(4)
        await idle()
        left.cancel()
        looked.go.set()
        assert await stayed == ["4"]

    _searched(scenario)


def test_a_damaged_record_is_only_theirs_who_find_it() -> None:
    """Who asked together with them is answered."""

    async def scenario(looked: Looked, search: Callable[..., "asyncio.Task[list[str]]"]) -> None:
        looked.damaged = 2.0
        looked.go.set()
        first, second, third = await asyncio.gather(search(1), search(2), search(3), return_exceptions=True)
        assert (first, third) == (["1"], ["3"])
        assert isinstance(second, DamagedError)

    _searched(scenario)
