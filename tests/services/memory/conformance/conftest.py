"""Every backend, new and empty."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tandem_memory.embedded import Embedded

from tests.services.memory.driven import Clock, Driven

QUIET_S = 0.02

NewMemory = Callable[[], Driven]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["embedded"])
def new_memory(tmp_path: Path, clock: Clock) -> Iterator[NewMemory]:
    """Opens one more each time that it is called, and closes all at the end."""
    opened: list[Driven] = []

    def new() -> Driven:
        folder = tmp_path / f"memory-{len(opened)}"
        opened.append(Driven(lambda: Embedded(folder, now=clock, quiet_s=QUIET_S)))
        return opened[-1]

    yield new
    for each in opened:
        each.close()


@pytest.fixture
def memory(new_memory: NewMemory) -> Driven:
    return new_memory()
