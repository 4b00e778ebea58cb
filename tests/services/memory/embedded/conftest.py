"""What most tests of the memory in LMDB begin with; a file whose memory is another one says so itself."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tandem_memory.embedded import Embedded
from tandem_memory.index import Index

from tests.services.memory.driven import Driven


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Driven]:
    """An empty one."""
    driven = Driven(lambda: Embedded(tmp_path / "memory"))
    yield driven
    driven.close()


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records indexes take in, call by call."""
    counts: list[int] = []
    add = Index.add

    def counted(self: Index, positions: Any, vectors: Any, records: Sequence[Any]) -> None:
        counts.append(len(records))
        add(self, positions, vectors, records)

    monkeypatch.setattr(Index, "add", counted)
    return counts
