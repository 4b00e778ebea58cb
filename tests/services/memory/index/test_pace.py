"""What is arranged when: while others add and nobody searches, as little as can be; in peace, all of it."""

import math

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index, upkeep
from tandem_memory.index.arrangement import TAIL
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.segment import MIXED

from tests.services.memory.index.conftest import settle

DIMENSION = 16
_LONG_S = 1e9  # for a test, and less than never
RANDOM = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def never_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody added all the time, and whoever has searched went on; cells begin with few rows."""
    monkeypatch.setattr(upkeep, "QUIET_S", math.inf)
    monkeypatch.setattr(upkeep, "PEACE_S", math.inf)
    monkeypatch.setattr(upkeep, "SOUGHT_S", _LONG_S)
    monkeypatch.setattr(upkeep, "_CELLS_FROM", 4 * TAIL)


def add(index: Index, count: int, sources: int = 1, kind: str = "s") -> None:
    first = index.covers
    index.covers += count
    records = [Record(source=f"{kind}{number % sources}") for number in range(count)]
    index.add(np.arange(first, index.covers, dtype=np.uint64), RANDOM.standard_normal((count, DIMENSION)).astype(np.float32), records)


def sizes(index: Index) -> list[int]:
    return sorted(len(segment.slots) for segment in index._view.segments)


def cells(index: Index) -> Cells | None:
    """Those that are being filled."""
    return index._view.cells if index._view.coming is None else index._view.coming


def covered(index: Index) -> int:
    there = cells(index)
    return 0 if there is None else there.covers


def among_others(index: Index, owner: int) -> int:
    """How many rows of a source share a segment."""
    sources = index._view.columns.source.first(index._view.count)
    return sum(int(np.count_nonzero(sources[each.slots] == owner)) for each in index._view.segments if each.owner == MIXED)


def test_who_adds_comes_first_until_somebody_searches() -> None:
    """Rows are sealed by eight times as many and not merged; with the first search it is as tidy as a search wants it."""
    index = Index(DIMENSION)
    for _ in range(6):
        add(index, 2 * TAIL)
        settle(index)
    assert sizes(index) == [8 * TAIL]
    assert index.search(RANDOM.standard_normal((1, DIMENSION)).astype(np.float32), 10, Filter())
    settle(index)
    assert sum(sizes(index)) == 12 * TAIL
    for _ in range(2):
        add(index, TAIL)
        settle(index)
    assert sizes(index)[0] == 2 * TAIL  # two of a tail, merged


def test_cells_are_filled_by_a_slice_and_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody searches: then it goes on until little is left of what it lacks."""
    index = Index(DIMENSION)
    add(index, 12 * TAIL)
    monkeypatch.setattr(upkeep, "_REST", math.inf)
    settle(index)
    assert covered(index) == upkeep._SLICE
    monkeypatch.setattr(upkeep, "_REST", 0)
    there = cells(index)
    assert there is not None
    there.rests_until_s = 0.0
    settle(index)
    assert 12 * TAIL - covered(index) < upkeep._BEHIND
    add(index, 12 * TAIL)
    monkeypatch.setattr(upkeep, "_REST", math.inf)
    settle(index)
    before = covered(index)
    index.search(RANDOM.standard_normal((1, DIMENSION)).astype(np.float32), 10, Filter())
    settle(index)
    assert before <= 12 * TAIL < covered(index)


def test_in_peace_a_sources_rows_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came when it had too few for a segment of its own, too; and what is left of others goes on to share one."""
    index = Index(DIMENSION)
    index.search(RANDOM.standard_normal((1, DIMENSION)).astype(np.float32), 10, Filter())
    for count in (12 * TAIL, TAIL, TAIL // 2):
        add(index, count, sources=3)
        add(index, TAIL, sources=TAIL, kind="t")
        settle(index)
    monkeypatch.setattr(upkeep, "QUIET_S", 0.0)
    settle(index)
    assert among_others(index, 0)  # somebody may go on in a moment
    monkeypatch.setattr(upkeep, "PEACE_S", 0.0)
    settle(index)
    owners = [segment.owner for segment in index._view.segments]
    assert len(owners) == len(set(owners)) == 4
    assert not any(among_others(index, owner) for owner in range(3))
    assert index._view.tidy == index._view.arrangement


def test_a_few_rows_among_many_of_others_stay_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they share with thousands of small sources is not made anew for them; where that is less, they come to their own."""
    monkeypatch.setattr(upkeep, "QUIET_S", 0.0)
    monkeypatch.setattr(upkeep, "PEACE_S", 0.0)
    for others, apart in ((4 * TAIL, 40), (200, 0)):
        index = Index(DIMENSION)
        add(index, TAIL)
        settle(index)
        add(index, 40)
        add(index, others, sources=others, kind="t")
        settle(index)
        assert among_others(index, 0) == apart
        assert index._view.tidy == index._view.arrangement
