"""What listeners of a caller's own raise: it comes out as it is, and is taken for no error of the service."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from tandem_memory.client import AsyncMemory, Memory, Record, UnreachableError

from tests.services.memory.client.stand_in import StandIn

Make = Callable[..., Record]


class Breaking:
    """A listener that raises whenever it hears anything."""

    def __init__(self, error: Exception) -> None:
        self.error, self.heard = error, 0

    def __call__(self, *_: object) -> None:
        self.heard += 1
        raise self.error


@pytest.fixture(
    params=[ZeroDivisionError(), ValueError("I/O operation on closed file"), UnreachableError("another service")],
    ids=lambda error: type(error).__name__,
)
def breaking(request: pytest.FixtureRequest) -> Iterator[Breaking]:
    """One that has heard something once, in the end."""
    made = Breaking(request.param)
    yield made
    assert made.heard == 1


def test_a_writer(memory: Memory, stand_in: StandIn, make: Make, breaking: Breaking) -> None:
    """It ends the block, and nothing is sent again."""
    with pytest.raises(type(breaking.error)) as told, memory.writer(breaking) as writer:
        writer.write(make(0))
    assert told.value is breaking.error
    assert stand_in.calls == ["AppendStream"]


def test_a_writer_in_a_loop(stand_in: StandIn, make: Make, breaking: Breaking) -> None:
    """The same."""

    async def writing() -> None:
        async with AsyncMemory(stand_in.address, "team") as memory, memory.writer(breaking) as writer:
            await writer.write(make(0))

    with pytest.raises(type(breaking.error)) as told:
        asyncio.run(writing())
    assert told.value is breaking.error
    assert stand_in.calls == ["AppendStream"]


def test_an_export(memory: Memory, make: Make, breaking: Breaking) -> None:
    """It ends the iteration."""
    memory.append([make(0)])
    with pytest.raises(type(breaking.error)) as told:
        list(memory.export(on_damaged=breaking))
    assert told.value is breaking.error


def test_an_export_in_a_loop(stand_in: StandIn, make: Make, breaking: Breaking) -> None:
    """The same."""

    async def exporting() -> None:
        async with AsyncMemory(stand_in.address, "team") as memory:
            await memory.append([make(0)])
            async for _ in memory.export(on_embedding=breaking):
                pass

    with pytest.raises(type(breaking.error)) as told:
        asyncio.run(exporting())
    assert told.value is breaking.error
