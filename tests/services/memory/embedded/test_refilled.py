"""Cells of a large index are filled when there is time: what has come in is written down, though no record comes any more."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem_memory.embedded import Embedded
from tandem_memory.index import Index

from tests.services.memory.driven import Driven, record

_MANY = 200


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    """A memory of enough records for cells, each part of which is worth being written down."""
    monkeypatch.setattr("tandem_memory.index.upkeep._CELLS_FROM", _MANY // 2)
    monkeypatch.setattr("tandem_memory.index.kept.snapshot._GROWN_BY", 1)
    driven = Driven(lambda: Embedded(tmp_path / "memory"))
    driven.append(*(record(str(number), near=(1, number, number % 7, 0)) for number in range(_MANY)))
    yield driven
    driven.close()


def _index(memory: Driven) -> Index:
    assert isinstance(memory.backend, Embedded)
    (index,) = memory.backend._indexes.all.values()
    return index


def _covered(memory: Driven) -> int:
    cells = _index(memory)._view.kept_cells
    return 0 if cells is None else cells.covers


def _settle(memory: Driven) -> None:
    while _covered(memory) < _MANY or _index(memory).outgrown:
        time.sleep(0.01)


def test_a_start_finds_the_cells_that_were_filled(memory: Driven) -> None:
    """Also after a kill, and though fewer records came than make a snapshot."""
    _settle(memory)
    assert isinstance(memory.backend, Embedded)
    memory.backend._indexes.save = lambda _: None  # as if it were killed
    memory.close()
    memory.backend = memory._open()
    assert _covered(memory) == _MANY


def test_an_orderly_end_writes_down_what_was_filled(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not all of it has."""
    save, until = Index.save, 64
    monkeypatch.setattr(Index, "save", lambda *_: (_ for _ in ()).throw(OSError("busy")))
    while _covered(memory) < until:
        time.sleep(0.01)
    monkeypatch.setattr(Index, "save", save)
    memory.again()
    assert _covered(memory) >= until


def test_what_cannot_be_written_is_not_tried_for_ever(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as true as before without."""
    tried: list[int] = []

    def refused(*_: object) -> None:
        tried.append(1)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Index, "save", refused)
        while _covered(memory) < _MANY or not tried:
            time.sleep(0.01)
        time.sleep(1)  # four looks of upkeep
        assert len(tried) == 1
