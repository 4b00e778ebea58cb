"""A real memory service, and a look into it."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tandem_memory.client import Memory, NotThereError, Record

from tests.services.memory.process import Service
from tests.services.reasoning.coordination import Coordinator

NAMESPACE = "default"


@pytest.fixture
def memory(tmp_path: Path) -> Generator[Service]:
    """One that runs."""
    service = Service(tmp_path / "memory")
    service.start()
    yield service
    service.kill()


def records(service: Service) -> Sequence[Record]:
    """All that it has."""
    with Memory(service.address, NAMESPACE) as memory:
        try:
            return tuple(memory.scan())
        except NotThereError:
            return ()


def told(service: Service, *some: Record) -> Sequence[str]:
    """Ids of records that somebody else appends."""
    with Memory(service.address, NAMESPACE) as memory:
        return [each.id for each in memory.append(some)]


def awaited(deed: Callable[[], Any], patience_s: float = 240) -> Any:
    """What a deed gives in an event loop of its own."""
    return asyncio.run(asyncio.wait_for(deed(), patience_s))


async def caught_up(coordinator: Coordinator) -> None:
    """Wait until nothing waits for the memory."""
    while coordinator.status.memory.waiting:  # noqa: ASYNC110 - a status is looked at, not waited for
        await asyncio.sleep(0.05)
