"""Stores, and a clock."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem_memory.store import Store

OpenStore = Callable[..., Store]


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the store in a folder, closing the one that was open there."""
    opened: dict[Path, Store] = {}

    def again(folder: Path = tmp_path / "store", **options: int) -> Store:
        if folder in opened:
            opened.pop(folder).close()
        opened[folder] = Store(folder, now=now, **options)
        return opened[folder]

    yield again
    for store in opened.values():
        store.close()
