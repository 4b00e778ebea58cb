"""What rough ways find, against all rows multiplied: filtered or not, right after adds, after mass removal, while it is arranged."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index
from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks import selection, ways
from tandem_memory.index.rows import unit

from tests.services.memory.index.conftest import begin_early, rewrite_manifest, settle

pytestmark = pytest.mark.usefixtures("early_cells")

COUNT, DIMENSION, QUERIES = 16_000, 64, 50
RANDOM = np.random.default_rng(11)
CENTRES = RANDOM.standard_normal((40, DIMENSION))
GROUP = RANDOM.integers(0, len(CENTRES), COUNT + QUERIES)
POINTS = (CENTRES[GROUP] + RANDOM.standard_normal((COUNT + QUERIES, DIMENSION))).astype(np.float32)
VECTORS, QUERY = POINTS[:COUNT], POINTS[COUNT:]
UNIT = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
SOURCE, SCORE = RANDOM.integers(0, 12, COUNT), RANDOM.random(COUNT)
SOURCE[SOURCE > 9] = 9 + RANDOM.integers(0, 500, np.count_nonzero(SOURCE > 9))  # ten large sources, and hundreds with a few records
RECORDS = [
    Record(source=f"s{source}", score=score, source_hash=f"h{group}") for source, score, group in zip(SOURCE, SCORE, GROUP, strict=False)
]
FILTERS = {
    "all": (Filter(), np.ones(COUNT, np.bool_)),
    "one of ten": (Filter(sources=["s3"]), SOURCE == 3),
    "one of a hundred": (Filter(min_score=0.99), SCORE >= 0.99),
    "half": (Filter(min_score=0.5), SCORE >= 0.5),
    "two": (Filter(sources=["s1", "s2"], max_score=0.9), np.isin(SOURCE, (1, 2)) & (SCORE <= 0.9)),
    "without one group": (Filter(not_source_hash="h0"), GROUP[:COUNT] != 0),
    "without a stranger": (Filter(not_source_hash="nobody's"), np.ones(COUNT, np.bool_)),
}


def add(index: Index, first: int, last: int) -> None:
    index.add(np.arange(first, last, dtype=np.uint64), VECTORS[first:last], RECORDS[first:last])


def filled(last: int = COUNT) -> Index:
    index = Index(DIMENSION)
    for first in range(0, last, 1000):
        add(index, first, min(first + 1000, last))
    settle(index)
    return index


@pytest.fixture(scope="module")
def whole() -> Iterator[Index]:
    with pytest.MonkeyPatch.context() as patch:
        begin_early(patch)
        yield filled()


def recall(index: Index, wanted: Filter, there: np.ndarray, k: int = 10) -> float:
    """Part of the truly nearest that is found, over all queries; also that nothing else than what is there is."""
    slots = np.flatnonzero(there)
    nearest = slots[np.argsort(-(QUERY / np.linalg.norm(QUERY, axis=1, keepdims=True)) @ UNIT[slots].T, axis=1)[:, :k]]
    found = index.search(QUERY, k, wanted)
    assert all(len(hits) == min(k, len(slots)) for hits in found)
    assert all(there[position] for hits in found for position, _ in hits)
    return float(
        np.mean([len({position for position, _ in hits} & set(row.tolist())) / len(row) for hits, row in zip(found, nearest, strict=True)])
    )


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("k", [1, 10, 100])
def test_recall_is_high_whatever_the_filter(whole: Index, name: str, k: int) -> None:
    """At least .95 by segments and cells, as by each way that the filter leads to."""
    assert whole._view.cells is not None
    assert whole._view.cells.covers == whole._view.sealed
    assert recall(whole, *FILTERS[name], k) >= 0.95


def test_similarities_are_exact(whole: Index) -> None:
    """However a record was found, its cosine is that of the vectors as they were handed in."""
    for query, hits in zip(QUERY, whole.search(QUERY, 10, Filter()), strict=True):
        rows = VECTORS[[position for position, _ in hits]].astype(np.float64)
        cosines = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query.astype(np.float64))
        assert [cosine for _, cosine in hits] == pytest.approx(cosines.tolist(), abs=1e-6)


def test_sources_with_few_records_share(whole: Index) -> None:
    """Hundreds of them do not make hundreds of segments, and are found all the same."""
    assert len(whole._view.segments) < 60
    assert recall(whole, Filter(sources=["s42"]), SOURCE == 42) == 1.0


def test_what_was_added_last_is_found_before_it_is_arranged() -> None:
    """Every record, as the nearest to its own vector, in the same moment that it was added."""
    index = filled(9000)
    for first in range(9000, 12_000, 500):
        add(index, first, first + 500)
        found = index.search(VECTORS[first : first + 500], 1, Filter())
        assert [hits[0][0] for hits in found] == list(range(first, first + 500))


def test_what_comes_behind_many_that_are_left_out_is_found() -> None:
    """More of the last records are left out than a look at them has to spare; what has been arranged has others, and none as near."""
    index = filled(9000)
    query = unit(QUERY[:1])
    near = query + 0.001 * np.arange(41)[:, None] * unit(VECTORS[:1])
    index.add(np.arange(9000, 9041, dtype=np.uint64), near, [Record(source_hash="asked")] * 40 + [Record(source_hash="another")])
    ((first, *_),) = index.search(query, 10, Filter(not_source_hash="asked"))
    assert first[0] == 9040


def test_recall_holds_after_mass_removal() -> None:
    """Whole neighbourhoods go, and with them nearly all that is in the cells; then what is left is arranged anew."""
    index = filled()
    gone = np.isin(GROUP[:COUNT], GROUP[COUNT : COUNT + 12]) | (SCORE < 0.4)
    index.remove(np.flatnonzero(gone).tolist())
    for _ in range(2):
        for wanted, there in FILTERS.values():
            assert recall(index, wanted, there & ~gone) >= 0.95
        settle(index)
    assert sum(len(segment.slots) for segment in index._view.segments) < 1.34 * len(index)
    assert index._view.cells is not None
    assert index._view.cells.rows < 1.5 * len(index)


def test_searches_are_right_while_it_is_arranged() -> None:
    """In every moment of sealing, merging and filling, with adds and removals in between."""
    index, alive = Index(DIMENSION), np.zeros(COUNT, np.bool_)
    done = threading.Event()

    def arrange() -> None:
        while not done.is_set():
            index.upkeep()

    arranging = threading.Thread(target=arrange)
    arranging.start()
    try:
        for first in range(0, 12_000, 1500):
            add(index, first, first + 1500)
            alive[first : first + 1500] = True
            gone = np.arange(first, first + 1500, 7)
            index.remove(gone.tolist())
            alive[gone] = False
            for wanted, there in FILTERS.values():
                assert recall(index, wanted, there & alive) >= 0.95
    finally:
        done.set()
        arranging.join()


def test_the_same_calls_give_the_same_index() -> None:
    """Nothing is left to chance: sampling and centroids are seeded."""
    first, second = filled(9000), filled(9000)
    assert all(first.search(QUERY, 10, wanted) == second.search(QUERY, 10, wanted) for wanted, _ in FILTERS.values())


def test_an_arranged_index_is_read_back_as_it_was(whole: Index, tmp_path: Path) -> None:
    """Segments and cells too; segments are written once, and cells when they have grown."""
    before = [whole.search(QUERY, 10, wanted) for wanted, _ in FILTERS.values()]
    whole.save(tmp_path)
    written = {path.name for path in tmp_path.iterdir()}
    read = Index.load(tmp_path, DIMENSION)
    assert [read.search(QUERY, 10, wanted) for wanted, _ in FILTERS.values()] == before
    read.remove([1])
    read.save(tmp_path)
    assert {name.split("-")[0] for name in {path.name for path in tmp_path.iterdir()} - written} == {"columns"}


def test_rows_that_lie_scattered_are_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a segment of many sources holds few of the wanted one, those few are taken out of it; what is found stays as it was."""
    monkeypatch.setattr(selection, "MULTIPLIED", 300)  # fewer than are of the large source
    sources = (3, *range(20, 60))  # one with a segment of its own, and many that share one with hundreds of others
    index, wanted, there = filled(), Filter(sources=[f"s{source}" for source in sources]), np.isin(SOURCE, sources)
    view = index._view
    chosen = selection.Selection(view, Condition(wanted, view.columns))
    assert 0 < len(chosen.scattered) <= 300
    assert chosen.parts
    scanned = [segment.slots if mask is None else segment.slots[mask] for segment, mask in chosen.parts]
    assert np.array_equal(np.sort(np.concatenate([chosen.scattered, *scanned])), np.flatnonzero(there))
    queries = unit(QUERY)
    rough = ways.scanned(view, chosen, queries, 10)
    nearest = [set(row.tolist()) for row in np.flatnonzero(there)[np.argsort(-queries @ UNIT[there].T, axis=1)[:, :10]]]
    kept = [len(near & set(row.tolist())) / 10 for near, row in zip(nearest, rough, strict=True)]
    assert float(np.mean(kept)) >= 0.99
    assert any(near & set(chosen.scattered.tolist()) for near in nearest)


def test_what_a_search_would_wait_for_is_known(whole: Index) -> None:
    """Cells that are being added to, and a filter whose rows are not known yet; a question to leave out changes nothing about that."""
    wanted = Filter(min_score=0.25)
    assert not whole.at_hand(wanted)
    whole.search(QUERY, 1, wanted)
    cells = whole._view.cells
    assert cells is not None
    for asked in (wanted, Filter(min_score=0.25, not_source_hash="h0")):
        assert whole.at_hand(asked)
        assert whole.kind(asked) == whole.kind(wanted) != whole.kind(Filter())
        with cells._at_work():
            assert not whole.at_hand(asked)


@pytest.mark.parametrize("before", [True, False])
def test_cells_that_were_made_otherwise_are_made_anew(tmp_path: Path, *, before: bool) -> None:
    """Another release wrote them, or one that had a graph in their place. Until there are others rows are scanned."""
    index = filled()
    index.save(tmp_path)

    def earlier(said: dict[str, Any]) -> dict[str, Any]:
        cells = said.pop("cells")
        return said | ({"format": 1, "graph": [cells[0], 1.0, COUNT, 3]} if before else {"cells": [*cells[:-1], 0]})

    rewrite_manifest(tmp_path, earlier)
    read = Index.load(tmp_path, DIMENSION)
    assert read._view.cells is None
    for _ in range(2):
        assert recall(read, *FILTERS["all"]) >= 0.95
        settle(read)
    assert read._view.cells is not None
