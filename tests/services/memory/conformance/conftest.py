"""Every backend, new and empty."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tandem_memory.embedded import Embedded

from tests.services.memory.driven import Clock, Driven
from tests.services.memory.elsewhere import Elsewhere

QUIET_S = 0.02

NewMemory = Callable[[], Driven]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["embedded", "embedded-killed"])
def new_memory(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[NewMemory]:
    """Opens one more each time that it is called, and closes all at the end; or kills them, whenever another would be closed."""
    opened: list[Driven] = []
    kind = {"embedded": Embedded, "embedded-killed": Elsewhere}[request.param]

    def new() -> Driven:
        folder = tmp_path / f"memory-{len(opened)}"
        opened.append(Driven(lambda: kind(folder, now=clock, quiet_s=QUIET_S)))
        return opened[-1]

    yield new
    for each in opened:
        each.close()


@pytest.fixture
def memory(new_memory: NewMemory) -> Driven:
    return new_memory()
