"""Stores for checkpoints."""

from pathlib import Path

import pytest
from tandem_objects import Store, open_store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of `store`."""
    return tmp_path / "checkpoints"


@pytest.fixture
def store(root: Path) -> Store:
    """A store in a directory."""
    return open_store(root.as_uri(), {})
