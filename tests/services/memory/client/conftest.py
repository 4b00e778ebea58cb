"""A memory that fails on demand, and records to put into it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tandem_memory.client import Memory, Record

from tests.services.memory.client.stand_in import StandIn

_PATIENCE_S = 300  # a slow machine is no failure


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A memory that listens."""
    made = StandIn().start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def make() -> Callable[..., Record]:
    """Makes record number `n`; every other field as given."""

    def making(n: int, **fields: Any) -> Record:
        vector = np.random.default_rng(n).normal(size=8).astype("<f4")
        return Record(**{"question": f"question {n}", "key": f"key {n}", "vector": vector, **fields})

    return making


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits for something that other threads or processes will make true; how long it takes is not what is tested."""

    def waiting(true: Callable[[], object]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, f"still not so after {_PATIENCE_S} s"
            time.sleep(0.01)

    return waiting


@pytest.fixture
def memory(stand_in: StandIn) -> Iterator[Memory]:
    with Memory(stand_in.address, "team") as made:
        yield made
