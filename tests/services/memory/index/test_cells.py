"""Cells: how far a search looks in them is measured on the rows that there are, and holds for filters and for questions unlike any row."""

from pathlib import Path

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index, upkeep
from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks import cells, measuring, ways
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.near import NOBODY
from tandem_memory.index.looks.reach import FEW, MANY, Effort, Reach
from tandem_memory.index.looks.selection import FEW as MULTIPLIED
from tandem_memory.index.looks.selection import Selection
from tandem_memory.index.rows import Vectors, unit

from tests.services.memory.index.conftest import Fill, settle

DIMENSION, COUNT, GROUPS = 48, 12_000, 60
RANDOM = np.random.default_rng(29)
CENTRES = 2 * RANDOM.standard_normal((GROUPS, DIMENSION))
GROUP = RANDOM.integers(0, GROUPS, COUNT)
GROUPED = unit((CENTRES[GROUP] + RANDOM.standard_normal((COUNT, DIMENSION))).astype(np.float32))
SPREAD = unit(RANDOM.standard_normal((COUNT, 200)).astype(np.float32))
SCORE = RANDOM.random(COUNT)
RECORDS = [Record(score=score) for score in SCORE]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells begin with fewer rows, and nobody adds any."""
    monkeypatch.setattr(upkeep, "_CELLS_FROM", 4096)
    monkeypatch.setattr(upkeep, "QUIET_S", 0.0)


def recall(index: Index, rows: Vectors, queries: Vectors, there: np.ndarray | None = None, wanted: Filter | None = None) -> float:
    """Part of the ten nearest that is found."""
    slots = np.arange(len(rows)) if there is None else np.flatnonzero(there)
    nearest = slots[np.argsort(-unit(queries) @ rows[slots].T, axis=1)[:, :FEW]] + 1
    found = index.search(queries, FEW, wanted or Filter())
    return float(
        np.mean([len({position for position, _ in hits} & {*row.tolist()}) / FEW for hits, row in zip(found, nearest, strict=True)])
    )


def like_rows(count: int = 50) -> Vectors:
    chosen = RANDOM.integers(0, GROUPS, count)
    return (CENTRES[chosen] + RANDOM.standard_normal((count, DIMENSION))).astype(np.float32)


def way(index: Index, wanted: Filter, k: int = FEW) -> ways.Way:
    view = index._view
    return ways.cheapest(view, Selection(view, Condition(wanted, view.columns)), 1, k)[0]


def test_how_far_to_look_is_measured(fill: Fill) -> None:
    """Rows in groups take a few cells; and what is measured gives the recall that is asked for."""
    index = fill(GROUPED)
    settle(index)
    there = index._view.cells
    assert there is not None
    assert there.measured == there.covers == COUNT
    assert there.reach is not None
    assert there.reach.many is not None
    assert 1 <= there.reach.few.cells < 6
    assert FEW <= there.reach.few.finds < there.reach.many.finds
    assert way(index, Filter()) == ways.Way.PROBE
    assert recall(index, GROUPED, like_rows()) >= 0.95


def test_rows_that_are_spread_are_scanned(fill: Fill) -> None:
    """Where every cell is about as near as any other, cells are no short cut, and nothing is lost."""
    index = fill(SPREAD)
    settle(index)
    assert index._view.cells is not None
    assert index._view.cells.reach is None
    assert way(index, Filter()) == ways.Way.SCAN
    assert recall(index, SPREAD, RANDOM.standard_normal((40, SPREAD.shape[1])).astype(np.float32)) >= 0.99


@pytest.mark.parametrize("share", [0.7, 0.3, 0.2])
def test_a_filter_looks_further_in_cells(fill: Fill, share: float) -> None:
    """As far as there are as many of it; the rest is not found in its place."""
    index, wanted, there = fill(GROUPED, RECORDS), Filter(min_score=1 - share), 1 - share <= SCORE
    settle(index)
    assert np.count_nonzero(there) > MULTIPLIED
    assert way(index, wanted) == ways.Way.PROBE
    assert recall(index, GROUPED, like_rows(), there, wanted) >= 0.95


def test_questions_unlike_any_row_find_what_is_nearest(fill: Fill) -> None:
    """They are about as near to all cells: all rows are scanned for them, and for nobody who asks beside them."""
    index, strange = fill(GROUPED), RANDOM.standard_normal((20, DIMENSION)).astype(np.float32)
    settle(index)
    there = index._view.cells
    assert there is not None
    assert there.reach is not None
    queries = unit(np.concatenate([strange, like_rows(20)]))
    looked_in = np.count_nonzero(
        there.chosen(queries, FEW, there.reach.few.gap, there.counts(np.ones(COUNT, np.bool_)))[0] != NOBODY, axis=1
    )
    assert (looked_in[:20] == 0).any()
    assert (looked_in[20:] > 0).all()
    assert recall(index, GROUPED, queries) >= 0.95


def test_a_question_whose_neighbours_are_gone_looks_where_there_are_others(fill: Fill) -> None:
    """Until cells are made anew its own is empty; and afterwards there is none for it."""
    index, lost = fill(GROUPED), GROUP < GROUPS // 3
    settle(index)
    index.remove((np.flatnonzero(lost) + 1).tolist())
    queries = GROUPED[np.flatnonzero(lost)[:40]]
    assert recall(index, GROUPED, queries, ~lost) >= 0.95
    settle(index)
    assert index._view.cells is not None
    assert index._view.cells.rows == np.count_nonzero(~lost)
    assert recall(index, GROUPED, queries, ~lost) >= 0.95


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
    everything = np.ones(COUNT, np.bool_)
    assert np.array_equal(after.counts(everything), before.counts(everything))
    settle(read)
    assert recall(read, GROUPED, like_rows()) >= 0.95


def test_rows_that_are_alike_are_no_trouble(fill: Fill) -> None:
    """Most cells stay empty then."""
    index = fill(np.tile(GROUPED[:2], (3000, 1)))
    settle(index)
    assert index._view.cells is not None
    found = index.search(GROUPED[:2], FEW, Filter())
    assert all(cosine == pytest.approx(1.0) for hits in found for _, cosine in hits)
    assert [len(hits) for hits in found] == [FEW, FEW]


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


def test_reach_goes_by_how_far_the_last_is_away() -> None:
    """A tenth of the rows has its ten nearest where all have their hundred; only what is asked for is measured exactly."""
    reach = Reach(Effort(gap=0.1, cells=3.0, finds=20), Effort(gap=0.2, cells=12.0, finds=150))
    assert reach.effort(FEW, 1.0) == reach.effort(1, 1.0) == reach.few
    assert reach.effort(MANY, 1.0) == reach.many
    tenth = reach.effort(FEW, 0.1)
    assert tenth is not None
    assert (tenth.gap, tenth.cells, tenth.finds) == (pytest.approx(0.2), pytest.approx(12.0), 20)
    between = reach.effort(30, 1.0)
    assert between is not None
    assert 0.1 < between.gap < 0.2
    assert 20 < between.finds < 150
    only_few = Reach(reach.few, None)
    assert only_few.effort(FEW, 1.0) == reach.few
    assert only_few.effort(FEW, 0.5) is None
    assert only_few.effort(MANY, 1.0) is None


def test_a_measure_that_finds_too_little_looks_further(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a higher aim the gap is wider or more is measured."""
    index = fill(GROUPED)
    settle(index)
    view = index._view
    assert view.cells is not None
    usual = measuring.reach(view, view.cells)
    monkeypatch.setattr(measuring, "_TARGET", 0.995)
    most = measuring.reach(view, view.cells)
    assert usual is not None
    assert most is not None
    assert (most.few.gap, most.few.finds) > (usual.few.gap, usual.few.finds)
