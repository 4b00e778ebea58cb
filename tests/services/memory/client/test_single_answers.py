"""Queries and ids that are answered one by one: what is wrong with one of them is not paid for by the others."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest
from tandem_memory.client import AsyncMemory, Hit, Memory, Record, RefusedError

from tests.services.memory.client.stand_in import StandIn

Make = Callable[..., Record]
ASKED = ["question 0", "question 1", "?!", "question 2"]


def names(found: Sequence[Sequence[Hit]]) -> list[str]:
    return ["".join(hit.record.question for hit in hits) for hits in found]


@pytest.fixture
def memory(stand_in: StandIn, make: Make) -> Iterator[Memory]:
    with Memory(stand_in.address, "team") as made:
        made.append([make(n) for n in range(9)])
        yield made


def test_large_records_are_got_in_several_calls(memory: Memory, stand_in: StandIn) -> None:
    """However few of the ids an answer holds; those that are not there are left out."""
    ids = [each.id for each in memory.scan()]
    stand_in.got_at_once = 2
    assert [each.id for each in memory.get([*ids[:3], "never", *ids[3:]])] == ids
    assert stand_in.calls.count("Get") == 5

    async def deed() -> None:
        async with AsyncMemory(stand_in.address, "team") as other:
            assert [each.id for each in await other.get(ids)] == ids

    asyncio.run(deed())


def test_a_question_without_a_word_is_refused_alone(memory: Memory, stand_in: StandIn) -> None:
    """Whoever wants to be told is told, and has the answers to all others; whoever does not has those before it."""
    told = list[tuple[int, str, str]]()

    def refused(number: int, error: RefusedError) -> None:
        told.append((number, error.field, str(error)))

    assert names([*memory.search_many(ASKED, k=1, on_refused=refused)]) == ["question 0", "question 1", "", "question 2"]
    assert told == [(2, "queries[2]", f"memory at {stand_in.address}: queries[2]: no word")]
    found = list[Sequence[Hit]]()
    with pytest.raises(RefusedError, match=r"queries\[2\]: no word"):
        found.extend(memory.search_many(ASKED, k=1))
    assert names(found) == ["question 0", "question 1"]
    with pytest.raises(RefusedError, match=r"queries\[0\]: no word"):
        memory.search("?!")


@pytest.mark.usefixtures("memory")
def test_the_same_in_an_event_loop(stand_in: StandIn) -> None:
    """`AsyncMemory` refuses as `Memory` does."""
    told = list[int]()

    async def deed() -> None:
        async with AsyncMemory(stand_in.address, "team") as other:
            found = [hits async for hits in other.search_many(ASKED, k=1, on_refused=lambda number, _: told.append(number))]
            assert names(found) == ["question 0", "question 1", "", "question 2"]
            with pytest.raises(RefusedError, match=r"queries\[0\]: no word"):
                await other.search("?!")

    asyncio.run(deed())
    assert told == [2]


def test_what_is_too_large_together_is_asked_again_alone(memory: Memory, stand_in: StandIn) -> None:
    """So that nobody needs to know how many queries go into a request."""
    stand_in.found_at_once = 1
    asked = [f"question {number}" for number in (3, 1, 4, 1, 5)] * 20
    assert names([*memory.search_many(asked, k=1)]) == asked

    async def deed() -> None:
        async with AsyncMemory(stand_in.address, "team") as other:
            assert names([hits async for hits in other.search_many(asked, k=1)]) == asked

    asyncio.run(deed())
    assert "Search" in stand_in.calls
