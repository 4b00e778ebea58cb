"""What is kept, counted for scrapes."""

import asyncio
import math
from collections.abc import Callable, Sequence

import pytest
from tandem.memory.v1.memory_pb2 import Namespace
from tandem_memory.backend import StoreUnavailableError, counting
from tandem_memory.backend.counting import Counting


class Dear:
    """A backend whose count takes ten seconds of its own clock, and may fail or not end."""

    def __init__(self) -> None:
        self.now_s, self.counted, self.fails = 0.0, 0, False
        self.held: asyncio.Event | None = None

    def clock(self) -> float:
        return self.now_s

    async def namespaces(self) -> Sequence[Namespace]:
        if self.held:
            await self.held.wait()
        if self.fails:
            raise StoreUnavailableError
        self.counted += 1
        self.now_s += 10
        return [Namespace(records=self.counted), Namespace(records=1)]


@pytest.fixture
def dear() -> Dear:
    return Dear()


@pytest.fixture
def kept(dear: Dear, loop: asyncio.AbstractEventLoop) -> Callable[[], counting.Kept]:
    return Counting(dear.namespaces, loop, dear.clock).kept


def test_counting_takes_a_hundredth_of_the_time(dear: Dear, kept: Callable[[], counting.Kept]) -> None:
    """What took ten seconds to count is counted again after a thousand, however often somebody scrapes."""
    assert kept() == (2, 2)
    for _ in range(999):
        dear.now_s += 1
        assert kept() == (2, 2)
    dear.now_s += 1
    assert kept() == (3, 2)
    assert dear.counted == 2


def test_a_count_that_fails_is_not_known(dear: Dear, kept: Callable[[], counting.Kept]) -> None:
    """And does not fail the scrape, which tells all else; the next one counts again."""
    dear.fails = True
    assert all(map(math.isnan, kept()))
    dear.fails = False
    assert kept() == (2, 2)


def test_a_count_that_takes_long(
    dear: Dear, loop: asyncio.AbstractEventLoop, kept: Callable[[], counting.Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on while scrapes are told what was known before, and is not begun a second time."""
    monkeypatch.setattr(counting, "_PATIENCE_S", 0.05)
    dear.held = asyncio.Event()
    assert all(map(math.isnan, kept()))
    assert all(map(math.isnan, kept()))
    loop.call_soon_threadsafe(dear.held.set)
    monkeypatch.setattr(counting, "_PATIENCE_S", 300)
    assert kept() == (2, 2)
    assert dear.counted == 1
