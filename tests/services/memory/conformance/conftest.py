"""Every backend, new and empty."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tandem_memory.embedded import Embedded

from tests.services.memory.driven import Clock, Driven
from tests.services.memory.elsewhere import Elsewhere

QUIET_S = 0.02

NewMemory = Callable[[], Driven]


def embedded(folder: Path, clock: Clock) -> Embedded:
    return Embedded(folder, now=clock, quiet_s=QUIET_S)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["embedded", "embedded-killed"])
def new_memory(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[NewMemory]:
    """Opens one more each time that it is called, and closes all at the end; or kills them, whenever another would be closed."""
    opened: list[Driven] = []

    def new() -> Driven:
        here = partial(embedded, tmp_path / f"memory-{len(opened)}")
        opened.append(Driven(partial(Elsewhere, here, now=clock) if request.param == "embedded-killed" else partial(here, clock)))
        return opened[-1]

    yield new
    for each in opened:
        each.close()


@pytest.fixture
def memory(new_memory: NewMemory) -> Driven:
    return new_memory()
