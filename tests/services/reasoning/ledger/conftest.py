"""Ledgers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.ledger import Ledger

from .asking import OpenLedger


@pytest.fixture
def open_ledger(tmp_path: Path) -> Iterator[OpenLedger]:
    """Opens the ledger at a path, closing the one that was open there."""
    opened: dict[Path, Ledger] = {}

    def again(path: Path = tmp_path / "run" / "ledger.db", *, run: str = "r", cap_nano: int | None = None, **options: Any) -> Ledger:
        if path in opened:
            opened.pop(path).close()
        opened[path] = Ledger(path, run=run, cap_nano=cap_nano, **options)
        return opened[path]

    yield again
    for ledger in opened.values():
        assert ledger.check() == ()
        ledger.close()


@pytest.fixture
def ledger(open_ledger: OpenLedger) -> Ledger:
    return open_ledger()
