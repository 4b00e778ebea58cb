"""Records and vectors to search among."""

from collections.abc import Callable

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Record
from tandem_memory.index import Index

Fill = Callable[..., Index]


@pytest.fixture
def fill() -> Fill:
    """An index of `vectors`, at positions 1, 2, ..., with `records` or empty ones."""

    def filled(vectors: np.ndarray, records: list[Record] | None = None) -> Index:
        index = Index(vectors.shape[1])
        index.add(np.arange(1, len(vectors) + 1, dtype=np.uint64), vectors.astype(np.float32), records or [Record()] * len(vectors))
        return index

    return filled
