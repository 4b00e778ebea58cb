"""How cells come to be, are filled, replaced and kept."""

import gc
import math
import weakref
import zlib
from pathlib import Path

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index, SnapshotError, upkeep
from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks import cells
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.reach import FEW
from tandem_memory.index.looks.selection import Selection

from tests.services.memory.index.conftest import Fill, rewrite_manifest, settle
from tests.services.memory.index.grouped import (
    COUNT,
    DIMENSION,
    GROUPED,
    RECORDS,
    SCORE,
    in_cells,
    like_rows,
    recall,
)

pytestmark = pytest.mark.usefixtures("early_cells")


def test_more_rows_get_more_cells_and_the_old_ones_serve_meanwhile(fill: Fill) -> None:
    """Those that come are seen by nobody until they cover as much and are measured."""
    index = fill(GROUPED[:5000])
    settle(index)
    first = index._view.cells
    assert first is not None
    index.add(np.arange(5001, COUNT + 1, dtype=np.uint64), GROUPED[5000:], [Record()] * (COUNT - 5000))
    served = list[tuple[Cells | None, Cells | None]]()
    while index.upkeep():
        served.append((index._view.cells, index._view.coming))
    assert all(now is first for now, coming in served if coming is not None)
    assert any(coming is not None for _, coming in served)
    last = index._view.cells
    assert last is not None
    assert (last.number, last.measured) == (cells.fitting(COUNT), COUNT)
    assert first.number < last.number
    assert recall(index, GROUPED, like_rows()) >= 0.95


def test_few_rows_that_are_left_have_no_cells(fill: Fill) -> None:
    """To scan them costs no more."""
    index = fill(GROUPED)
    settle(index)
    index.remove(range(1, COUNT - 2000))
    settle(index)
    assert (index._view.cells, index._view.coming) == (None, None)
    assert recall(index, GROUPED, like_rows(), np.arange(COUNT) >= COUNT - 2001) >= 0.99


def test_it_is_measured_again_when_more_has_come(fill: Fill) -> None:
    """A tenth more; a little more changes nothing."""
    index, measured = fill(GROUPED[:9000]), list[int]()
    for count in (9000, 9500, 10_500):
        index.add(np.arange(1, count + 1, dtype=np.uint64), GROUPED[:count], [Record()] * count)
        settle(index)
        assert index._view.cells is not None
        measured.append(index._view.cells.measured)
    assert measured == [9000, 9000, 10_500]


@pytest.mark.parametrize("searched", [True, False])
def test_cells_are_read_back_with_how_far_to_look(fill: Fill, tmp_path: Path, *, searched: bool) -> None:
    """And those that come, where nobody has searched any yet: they are filled further."""
    index = fill(GROUPED)
    while index.upkeep():
        if not searched and index._view.coming is not None and index._view.coming.covers:
            break
    index.save(tmp_path)
    read = Index.load(tmp_path, DIMENSION)
    before, after = (each._view.cells if searched else each._view.coming for each in (index, read))
    assert before is not None
    assert after is not None
    assert (after.covers, after.measured, after.reach) == (before.covers, before.measured, before.reach)
    assert (after.covers == COUNT, after.reach is not None) == (searched, searched)
    assert searched or read._view.cells is None
    everything = np.ones(COUNT, np.bool_)
    assert np.array_equal(after.counts(everything), before.counts(everything))
    settle(read)
    assert recall(read, GROUPED, like_rows()) >= 0.95


def test_cells_that_are_none_are_told(fill: Fill, tmp_path: Path) -> None:
    """Though the file is as it was written."""
    index = fill(GROUPED)
    settle(index)
    index.save(tmp_path)
    (path,) = tmp_path.glob("cells-*")
    path.write_bytes(b"none")
    rewrite_manifest(tmp_path, lambda said: said | {"cells": [[path.name, 4, zlib.crc32(b"none")], *said["cells"][1:]]})
    with pytest.raises(SnapshotError, match=path.name):
        Index.load(tmp_path, DIMENSION)


def test_while_cells_lack_rows_these_are_found_too(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds comes first: what is sealed and not in cells yet is multiplied."""
    index = fill(GROUPED[:9000])
    settle(index)
    monkeypatch.setattr(upkeep, "QUIET_S", math.inf)
    monkeypatch.setattr(upkeep, "SOUGHT_S", math.inf)
    index.add(np.arange(9001, 10_101, dtype=np.uint64), GROUPED[9000:10_100], [Record()] * 1100)
    settle(index)
    view = index._view
    assert view.cells is not None
    assert view.cells.covers == 9000 < view.sealed
    assert in_cells(index, Filter())
    assert recall(index, GROUPED[:10_100], GROUPED[9000:9050]) >= 0.95


def test_cells_that_come_do_not_hold_up_those_that_serve(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """While others add again, the old ones are filled and measured; the new ones go on when there is quiet."""
    index = fill(GROUPED[:5000])
    settle(index)
    index.add(np.arange(5001, COUNT + 1, dtype=np.uint64), GROUPED[5000:], [Record()] * (COUNT - 5000))
    while index._view.coming is None:
        assert index.upkeep()
    serving, coming = index._view.cells, index._view.coming
    assert serving is not None
    monkeypatch.setattr(upkeep, "QUIET_S", math.inf)
    monkeypatch.setattr(upkeep, "SOUGHT_S", math.inf)
    settle(index)
    assert (index._view.cells, index._view.coming, coming.covers) == (serving, coming, 0)
    assert serving.covers > COUNT - upkeep._BEHIND
    assert serving.measured == serving.covers
    monkeypatch.setattr(upkeep, "QUIET_S", 0.0)
    settle(index)
    assert (index._view.cells, index._view.coming) == (coming, None)


def test_what_is_loaded_at_once_comes_into_cells_once(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that were begun when there was a quarter of it are given up before they are filled."""
    index, made = fill(GROUPED[:5000]), list[int]()
    around, add = Cells.around, Cells.add
    monkeypatch.setattr(Cells, "around", lambda rows, number: (made.append(number), around(rows, number))[1])
    filled = list[int]()
    monkeypatch.setattr(Cells, "add", lambda self, slots, rows: (filled.append(len(slots)), add(self, slots, rows)))
    while not made:
        index.upkeep()
    index.add(np.arange(5001, COUNT + 1, dtype=np.uint64), GROUPED[5000:], [Record()] * (COUNT - 5000))
    settle(index)
    assert made == [cells.fitting(5000), cells.fitting(COUNT)]
    assert sum(filled) == COUNT


def test_what_came_into_cells_is_counted_again(fill: Fill) -> None:
    """A filter that was asked before they were filled is looked for as near as one that is new."""
    index = fill(GROUPED[:5000])
    settle(index)
    view = index._view
    assert view.cells is not None
    index.add(np.arange(5001, 7001, dtype=np.uint64), GROUPED[5000:7000], [Record()] * 2000)
    while index._view.sealed < 7000:
        assert index.upkeep()
    chosen = Selection(index._view, Condition(Filter(), index._view.columns))
    assert chosen.counts(view.cells).sum() == 5000
    settle(index)
    assert index._view.cells is view.cells
    assert chosen.counts(view.cells).sum() == 7000


def test_cells_that_were_replaced_are_let_go(fill: Fill) -> None:
    """Though filters are remembered that were looked for in them."""
    index = fill(GROUPED[:5000], RECORDS[:5000])
    settle(index)
    index.search(like_rows(1), FEW, Filter(min_score=0.3))
    assert index._view.cells is not None
    before = weakref.ref(index._view.cells)
    index.add(np.arange(5001, COUNT + 1, dtype=np.uint64), GROUPED[5000:], [Record()] * (COUNT - 5000))
    settle(index)
    gc.collect()
    assert before() is None


def test_what_an_add_left_that_failed_is_not_added_again(fill: Fill) -> None:
    """Each row is in cells once."""
    index = fill(GROUPED)
    settle(index)
    there, everything = index._view.cells, np.ones(COUNT, np.bool_)
    assert there is not None
    there.add(np.arange(COUNT - 100, COUNT), GROUPED[-100:])
    assert there.rows == there.counts(everything).sum() == COUNT


def test_cells_add_up(fill: Fill) -> None:
    """Slots that were removed before they came in, and those that are not allowed, are in none."""
    index = fill(GROUPED)
    index.remove(range(1, COUNT, 5))
    settle(index)
    there, allowed = index._view.cells, SCORE < 0.5
    assert there is not None
    alive = index._view.columns.alive.first(COUNT)
    assert there.rows == np.count_nonzero(alive)
    assert there.counts(allowed).sum() == np.count_nonzero(allowed & alive)
    assert len(there.counts(allowed)) == there.number
