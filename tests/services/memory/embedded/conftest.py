"""What most tests of the memory in LMDB begin with; a file whose memory is another one says so itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem_memory.embedded import Embedded

from tests.services.memory.driven import Driven


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Driven]:
    """An empty one."""
    driven = Driven(lambda: Embedded(tmp_path / "memory"))
    yield driven
    driven.close()
