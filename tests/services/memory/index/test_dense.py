"""Rows that lie close together, whose order 4 bits and 2 do not tell by themselves, and questions that lie between them."""

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import arrangement, upkeep
from tandem_memory.index.looks import measuring, segment, ways
from tandem_memory.index.rows import Vectors, unit

from tests.services.memory.index.conftest import Fill, begin_early, settle
from tests.services.memory.index.grouped import GROUPED, in_cells, recall

_WIDE, _COUNT, _CENTRES = 384, 6000, 30


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody adds, so that all of it is sealed: what is not is multiplied, and always right."""
    monkeypatch.setattr(upkeep, "QUIET_S", 0.0)


def _close(count: int, spread: float, *, centres: int = _CENTRES, dimension: int = _WIDE) -> tuple[Vectors, Vectors]:
    """Rows around so many centres, and questions of the same kind."""
    random = np.random.default_rng(5)
    middle = random.standard_normal((centres, dimension))
    rows, questions = (
        middle[random.integers(0, centres, many)] + spread * random.standard_normal((many, dimension)) for many in (count, 60)
    )
    return unit(rows.astype(np.float32)), questions.astype(np.float32)


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("spread", [0.1, 0.3])
@pytest.mark.parametrize("cells", [False, True])
def test_rows_that_lie_close_together(fill: Fill, monkeypatch: pytest.MonkeyPatch, spread: float, k: int, *, cells: bool) -> None:
    """Of cosines .99 and .92 among each other: what a scan finds tells that it is not enough, and in cells more is measured.

    A hundred are half of those that lie together, for which cells are no short cut.
    """
    if cells:
        begin_early(monkeypatch)
    rows, questions = _close(_COUNT, spread)
    index = fill(rows)
    settle(index)
    assert index._view.sealed == _COUNT
    assert in_cells(index, Filter(), k) == (cells and k < 100)
    assert recall(index, rows, questions, k=k) >= 0.95


def test_most_rows_in_one_place(fill: Fill) -> None:
    """And a few all over, which a scan has to have room for: the others are all the same to it."""
    random = np.random.default_rng(6)
    close, questions = _close(5400, 0.1, centres=1)
    rows = random.permutation(np.concatenate([close, unit(random.standard_normal((600, _WIDE)).astype(np.float32))]))
    index = fill(rows)
    settle(index)
    assert index._view.sealed == len(rows)
    assert recall(index, rows, questions) >= 0.95


def test_copies_are_told_at_once(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks for one of them has found it: nothing is nearer, and nothing is looked for any deeper, however many there are."""
    rows, _ = _close(_COUNT, 0.3)
    index = fill(np.concatenate([rows, np.tile(rows[:1], (500, 1))]))
    settle(index)
    monkeypatch.setattr(ways, "_prices", lambda *_: (1.0, 2.0))
    depths = list[int]()
    scan = ways._scan
    monkeypatch.setattr(ways, "_scan", lambda *given: depths.append(given[-1]) or scan(*given))
    (found,) = index.search(rows[:1], 10, Filter())
    assert [cosine for _, cosine in found] == pytest.approx([1.0] * 10)
    assert len(depths) == 1
    index.search(rows[:1] + 0.2 * rows[1:2], 10, Filter())
    assert len(depths) == 3


def test_segments_are_no_larger_than_are_looked_at_whole(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that an earlier release made two are made; nothing of it is lost."""
    monkeypatch.setattr(upkeep, "_CELLS_FROM", 1 << 20)
    rows, questions = _close(40_000, 0.2, centres=1, dimension=64)
    with monkeypatch.context() as before:
        before.setattr(arrangement, "MOST", 1 << 20)
        index = fill(rows)
        settle(index)
        assert len(index._view.segments) == 1
        assert recall(index, rows, questions) < 0.9
    settle(index)
    assert [len(each.slots) for each in index._view.segments] == [20_000, 20_000]
    assert recall(index, rows, questions) >= 0.95
    assert len(rows) > segment.MOST


def test_segments_that_are_large_together_are_not_merged(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody waits for that: those who add and do not search are kept busy by small ones alone."""
    monkeypatch.setattr(arrangement, "MOST", 3000)
    index = fill(GROUPED[:4000], [Record()] * 4000)
    settle(index)
    sizes = [len(each.slots) for each in index._view.segments]
    assert sizes == [2000, 2000]
    assert arrangement.growing(index._view.segments) == 0
    index.add(np.arange(4001, 6001, dtype=np.uint64), GROUPED[4000:6000], [Record()] * 2000)
    settle(index)
    assert [len(each.slots) for each in index._view.segments] == [2000, 2000, 2000]


@pytest.mark.usefixtures("early_cells")
def test_questions_between_two_groups(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are less near to a cell than rows are, and what is nearest to them may be in more cells."""
    random = np.random.default_rng(8)
    centres = random.standard_normal((40, _WIDE))
    rows = unit((centres[random.integers(0, 40, 8000)] + 0.6 * random.standard_normal((8000, _WIDE))).astype(np.float32))
    one, other = (centres[random.integers(0, 40, 100)] for _ in range(2))
    questions = (one + other + 0.6 * random.standard_normal((100, _WIDE))).astype(np.float32)
    monkeypatch.setattr(measuring, "_GAPS", (0.02, 0.04, 0.08, 0.12, 0.16, 0.2))  # with this least gap no rows are lost, and questions are
    index = fill(rows)
    settle(index)
    cells = index._view.cells
    assert cells is not None
    assert cells.reach is not None
    assert cells.reach.few.far is not None
    found = recall(index, rows, questions)
    assert found >= 0.98
    assert (cells.nearness(unit(questions)) < cells.reach.few.far.below).mean() > 0.5
    assert (cells.nearness(rows[:1000]) < cells.reach.few.far.below).mean() < 0.1
    monkeypatch.setattr(measuring, "_far", lambda *_: None)
    cells.reach = measuring.reach(index._view, cells)
    assert recall(index, rows, questions) < found - 0.01
