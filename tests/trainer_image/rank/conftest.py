"""A place for a run."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainer_image.rank.attempts import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place for a run; what SIGTERM meant before, it means again afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    yield Place(tmp_path)
    signal.signal(signal.SIGTERM, before)
