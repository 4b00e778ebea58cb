"""What is arranged when: while others add and nobody searches, as little as can be; in peace, all of it."""

import math

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index, upkeep
from tandem_memory.index.arrangement import TAIL
from tandem_memory.index.looks.segment import MIXED

DIMENSION = 16
RANDOM = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def never_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody added all the time, and whoever searches went on; the graph begins with few rows."""
    monkeypatch.setattr(upkeep, "QUIET_S", math.inf)
    monkeypatch.setattr(upkeep, "SOUGHT_S", math.inf)
    monkeypatch.setattr(upkeep, "_GRAPH_FROM", 4 * TAIL)


def add(index: Index, count: int, sources: int = 1) -> None:
    first = index.covers
    index.covers += count
    records = [Record(source=f"s{number % sources}") for number in range(count)]
    index.add(np.arange(first, index.covers, dtype=np.uint64), RANDOM.standard_normal((count, DIMENSION)).astype(np.float32), records)


def settle(index: Index) -> None:
    while index.upkeep():
        pass


def sizes(index: Index) -> list[int]:
    return sorted(len(segment.slots) for segment in index._view.segments)


def covered(index: Index) -> int:
    return index._view.graph.covers if index._view.graph else 0


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


def test_the_graph_grows_by_a_slice_and_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless somebody searches: then it goes on until little is left of what it lacks."""
    index = Index(DIMENSION)
    add(index, 16 * TAIL)
    monkeypatch.setattr(upkeep, "_REST", math.inf)
    settle(index)
    assert covered(index) == upkeep._SLICE
    monkeypatch.setattr(upkeep, "_REST", 0)
    index._view.graph.rests_until_s = 0.0
    settle(index)
    assert 16 * TAIL - covered(index) < upkeep._BEHIND
    add(index, 16 * TAIL)
    monkeypatch.setattr(upkeep, "_REST", math.inf)
    settle(index)
    before = covered(index)
    index.search(RANDOM.standard_normal((1, DIMENSION)).astype(np.float32), 10, Filter())
    settle(index)
    assert before <= 16 * TAIL < covered(index)


def test_in_peace_a_sources_rows_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came when it had too few for a segment of its own, too; and what is left of others goes on to share one."""
    index = Index(DIMENSION)
    index.search(RANDOM.standard_normal((1, DIMENSION)).astype(np.float32), 10, Filter())
    for count in (12 * TAIL, TAIL, TAIL // 2):
        add(index, count, sources=3)
        add(index, TAIL, sources=TAIL)
        settle(index)
    monkeypatch.setattr(upkeep, "QUIET_S", 0.0)
    settle(index)
    owners = [segment.owner for segment in index._view.segments]
    assert len(owners) == len(set(owners)) == 4
    shared = next(segment for segment in index._view.segments if segment.owner == MIXED)
    assert not set(index._view.columns.source.first(index._view.count)[shared.slots].tolist()) & set(owners)
    assert index._view.tidy == index._view.arrangement
