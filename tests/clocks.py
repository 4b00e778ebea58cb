"""Time and event loops that tests have in their own hands."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest


@dataclass
class Clock:
    """Seconds, which go on when they are set."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()
