"""Rows of a mapped file are read before somebody waits for them, and no others."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from tandem_memory.index import ahead, rows
from tandem_memory.index.kept import files
from tandem_memory.index.rows import Rows, Settled

from tests.services.memory.index.conftest import resident

DIMENSION, COUNT = 1024, 1 << 14  # a page each, 64 MiB
_PATIENCE_S = 60


@pytest.fixture
def mapped(tmp_path: Path) -> Settled:
    """Rows of their own number, on the disk alone."""
    path = tmp_path / "rows"
    numbers = np.repeat(np.arange(COUNT, dtype=np.float32), DIMENSION)
    files.written(path, lambda path: path.write_bytes(numbers.tobytes()))
    return Settled(path=path, rows=files.mapped(path, COUNT, DIMENSION), sums=())


def heard() -> bool:
    """Whether this system hears of it; not all allow it."""
    madvise = ahead._madvise()
    return madvise is not None and madvise(0, 0) == 0


def test_the_kernel_reads_what_it_is_told_of(mapped: Settled) -> None:
    """More than fit into one call."""
    slots = np.arange(0, COUNT, 8)
    ahead.read(mapped.rows, slots)
    give_up_s = time.monotonic() + _PATIENCE_S
    while heard() and not resident(mapped.path)[slots].all():
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
    assert resident(mapped.path).mean() < 0.5


def test_rows_of_a_large_file_are_taken_as_before(mapped: Settled, monkeypatch: pytest.MonkeyPatch) -> None:
    """With newer ones in memory or without; and where the kernel does not listen."""
    for large, listens in ((0, True), (0, False), (1 << 40, True)):
        monkeypatch.setattr(rows, "_LARGE_BYTES", large)
        if not listens:
            monkeypatch.delattr(os, "pidfd_open")
        ahead._madvise.cache_clear()
        all_of_them = Rows(DIMENSION, mapped)
        slots = np.array([5, COUNT - 1, 0, 5])
        assert all_of_them.take(slots)[:, 0].tolist() == slots.tolist()
        all_of_them.extend(np.full((1, DIMENSION), COUNT, np.float32))
        assert all_of_them.take(np.array([COUNT, 7, COUNT]))[:, -1].tolist() == [COUNT, 7, COUNT]
        assert all_of_them.take(np.array([COUNT]))[:, -1].tolist() == [COUNT]
        monkeypatch.undo()
    ahead._madvise.cache_clear()
