"""Books to fill, closed when the test is over."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.services.reasoning.distilling.books import Books


@pytest.fixture
def books(tmp_path: Path) -> Generator[Books]:
    made = Books.at(tmp_path / "run")
    yield made
    made.ledger.close()
