"""Cells: how far a search looks in them is measured on the rows that there are, and holds for filters and for questions unlike any row."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter
from tandem_memory.index import Index
from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks import measuring, search, ways
from tandem_memory.index.looks.near import NOBODY
from tandem_memory.index.looks.reach import FEW, MANY, Effort, Far, Reach, Thin
from tandem_memory.index.looks.selection import MULTIPLIED, Selection
from tandem_memory.index.rows import unit

from tests.services.memory.index.conftest import Fill, settle
from tests.services.memory.index.grouped import (
    CENTRES,
    COUNT,
    DIMENSION,
    GROUP,
    GROUPED,
    GROUPS,
    RANDOM,
    RECORDS,
    SCORE,
    in_cells,
    like_rows,
    recall,
)

pytestmark = pytest.mark.usefixtures("early_cells")
SPREAD = unit(RANDOM.standard_normal((COUNT, 200)).astype(np.float32))


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
    assert in_cells(index, Filter())
    assert recall(index, GROUPED, like_rows()) >= 0.95


def test_rows_that_are_spread_are_scanned(fill: Fill) -> None:
    """Where every cell is about as near as any other, cells are no short cut, and nothing is lost."""
    index = fill(SPREAD)
    settle(index)
    assert index._view.cells is not None
    assert index._view.cells.reach is None
    assert not in_cells(index, Filter())
    assert recall(index, SPREAD, RANDOM.standard_normal((40, SPREAD.shape[1])).astype(np.float32)) >= 0.99


@pytest.mark.parametrize("share", [0.7, 0.3, 0.2])
def test_a_filter_looks_further_in_cells(fill: Fill, share: float) -> None:
    """As far as there are as many of it; the rest is not found in its place."""
    index, wanted, there = fill(GROUPED, RECORDS), Filter(min_score=1 - share), 1 - share <= SCORE
    settle(index)
    assert np.count_nonzero(there) > MULTIPLIED
    assert in_cells(index, wanted)
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


def test_rows_that_are_alike_are_no_trouble(fill: Fill) -> None:
    """Most cells stay empty then; which of them are nearest says nothing about how far to look."""
    index = fill(np.concatenate([np.tile(GROUPED[:2], (3000, 1)), GROUPED]))
    settle(index)
    assert in_cells(index, Filter())
    found = index.search(GROUPED[:2], FEW, Filter())
    assert all(cosine == pytest.approx(1.0) for hits in found for _, cosine in hits)
    assert [len(hits) for hits in found] == [FEW, FEW]


def test_a_direction_that_all_rows_have_in_common_changes_nothing(fill: Fill) -> None:
    """Between texts many models find cosines of .7 and more: near is what is nearer than two cells are in the mean."""
    common = np.full(DIMENSION, 6.0, np.float32)
    rows = unit((CENTRES[GROUP] + RANDOM.standard_normal((COUNT, DIMENSION)) + common).astype(np.float32))
    assert (rows[:1000] @ rows[1000:2000].T).mean() > 0.85
    index = fill(rows)
    settle(index)
    assert in_cells(index, Filter())
    assert recall(index, rows, like_rows() + common) >= 0.95


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
    assert only_few.effort(FEW, 0.999) == reach.few  # one record was removed
    eleven = Reach(Effort(gap=0.1, cells=3.0, finds=9), None).effort(11, 1.0)
    assert eleven is not None
    assert eleven.finds == 11
    assert only_few.effort(FEW, 0.5) is None
    assert only_few.effort(MANY, 1.0) is None


def test_the_gap_grows_no_further_than_for_many() -> None:
    """Nor does it shrink, by whatever was measured: a search goes to where as many are seen as it wants, and so far beyond."""
    near, far = Effort(gap=0.1, cells=3.0, finds=20), Effort(gap=0.2, cells=12.0, finds=150)
    for reach, gap in ((Reach(near, far), far.gap), (Reach(far, near), far.gap)):
        hundredth = reach.effort(FEW, 0.01)
        assert hundredth is not None
        assert hundredth.gap == pytest.approx(gap)
        assert hundredth.cells >= reach.few.cells
    thousand = Reach(near, far).effort(1000, 1.0)
    assert thousand is not None
    assert (thousand.gap, thousand.finds) == (pytest.approx(0.2), 1500)
    assert thousand.cells > far.cells


@pytest.mark.parametrize(("groups", "scanned"), [(20, False), (60, True)])
def test_a_thin_filter_is_measured_by_itself(
    fill: Fill, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: int, *, scanned: bool
) -> None:
    """Of fewer in a group than are asked for the nearest are in other groups, which no gap reaches. A snapshot keeps what was found."""
    random, few = np.random.default_rng(7), 500
    of = random.integers(0, groups, COUNT + 100)
    both = unit((2 * random.standard_normal((groups, DIMENSION))[of] + random.standard_normal((COUNT + 100, DIMENSION))).astype(np.float32))
    index = fill(both[:COUNT], RECORDS)
    settle(index)
    cells = index._view.cells
    assert cells is not None
    assert cells.reach is not None
    assert cells.reach.thin is None  # so few are multiplied
    for module in (measuring, search):
        monkeypatch.setattr(module, "MULTIPLIED", few)
    reach = cells.reach = measuring.reach(index._view, cells)
    assert reach is not None
    assert reach.thin is not None
    assert reach.thin.share == pytest.approx(1.2 * few / COUNT)
    assert (reach.thin.effort is None) == scanned
    wanted, there = Filter(min_score=0.95), SCORE >= 0.95
    assert np.count_nonzero(there) > few
    assert (reach.effort(FEW, 0.05) is None) == scanned
    monkeypatch.setattr(ways, "_prices", lambda *_: (1e9, 1e9))
    assert in_cells(index, wanted) != scanned
    assert recall(index, both[:COUNT], both[COUNT:], there, wanted) >= 0.95
    index.save(tmp_path)
    kept = Index.load(tmp_path, DIMENSION)._view.cells
    assert kept is not None
    assert kept.reach == reach


def test_beyond_what_is_measured_for_many_a_thin_filter_counts() -> None:
    """By the logarithm of how far that is; nothing is looked for less than without. Where it finds nothing, all is scanned."""
    few, many, effort = Effort(0.1, 3.0, 20), Effort(0.2, 12.0, 150), Effort(0.3, 200.0, 80)
    reach, less = Reach(few, many, Thin(0.01, effort)), Reach(few, many, Thin(0.01, Effort(0.1, 3.0, 10)))
    hundredth, between, tenth = (reach.effort(FEW, share) for share in (0.01, 0.03, 0.1))
    assert hundredth is not None
    assert (hundredth.gap, hundredth.cells, hundredth.finds) == (pytest.approx(0.3), pytest.approx(200.0), 80)
    assert between is not None
    assert 0.2 < between.gap < 0.3
    assert 20 < between.finds < 80
    assert tenth == Reach(few, many).effort(FEW, 0.1)
    assert less.effort(FEW, 0.01) == Reach(few, many).effort(FEW, 0.01)
    wider = Reach(few, many, Thin(0.03, effort)).effort(FEW, 0.03)
    assert wider is not None
    assert wider.gap == pytest.approx(0.3)
    scanned = Reach(few, many, Thin(0.01, None))
    assert scanned.effort(FEW, 0.05) is None
    assert scanned.effort(FEW, 0.1) == tenth


def test_each_question_has_finds_of_its_own(fill: Fill) -> None:
    """However many are asked for together: one that is not like the rows has more, and costs the others nothing."""
    index = fill(GROUPED)
    settle(index)
    cells = index._view.cells
    assert cells is not None
    assert cells.reach is not None
    queries = unit(like_rows(13))
    nearness = cells.nearness(queries)
    effort = replace(cells.reach.few, far=Far(float(np.median(nearness)), cells.reach.few.gap))
    counts = cells.counts(np.ones(COUNT, np.bool_))
    together = cells.nearest(queries, FEW, effort, counts)
    assert together.shape == (13, 4 * effort.finds)
    for query, found in zip(queries, together, strict=True):
        alone = cells.nearest(query[None], FEW, effort, counts)[0]
        assert found[: len(alone)].tolist() == alone.tolist()
        assert (found[len(alone) :] == NOBODY).all()
    assert ((together[:, -1] != NOBODY) == (nearness < np.median(nearness))).all()


@pytest.mark.parametrize("k", [300, 1000])
def test_many_are_found_too(fill: Fill, k: int) -> None:
    """More than it is measured for."""
    index = fill(GROUPED)
    settle(index)
    assert recall(index, GROUPED, like_rows(30), k=k) >= 0.95


def test_what_was_removed_before_cells_were_made_does_not_count(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is there is in them, however many slots are empty: nobody looks further for it."""
    index = fill(GROUPED)
    index.remove(range(1, COUNT, 3))
    settle(index)
    view = index._view
    assert view.cells is not None
    assert view.cells.reach is not None
    assert Selection(view, Condition(Filter(), view.columns)).share(view.cells) == 1.0
    monkeypatch.setattr(view.cells, "reach", Reach(view.cells.reach.few, None))
    assert in_cells(index, Filter())


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
