"""Searches: what is nearest, and when it is seen."""

import threading

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index

from tests.services.memory.index.conftest import Fill

RANDOM = np.random.default_rng(5)


def test_the_nearest_come_first_with_their_cosines(fill: Fill) -> None:
    """Lengths do not matter, directions do."""
    index = fill(np.array([[3, 0], [0, 0.5], [1, 1], [-2, 0]]))
    (hits,) = index.search(np.array([[10, 0]], np.float32), 4, Filter())
    assert [position for position, _ in hits] == [1, 3, 2, 4]
    assert [cosine for _, cosine in hits] == pytest.approx([1, 0.5**0.5, 0, -1], abs=1e-6)


def test_of_equals_the_older_comes_first(fill: Fill) -> None:
    """An order that does not depend on chance."""
    (hits,) = fill(np.ones((50, 8))).search(np.ones((1, 8), np.float32), 50, Filter())
    assert [position for position, _ in hits] == list(range(1, 51))


def test_a_vector_of_zeros_is_like_nothing(fill: Fill) -> None:
    """It is found, with similarity 0, and as a query it is equally far from all."""
    index = fill(np.array([[1, 0], [0, 0], [-1, 0]]))
    assert dict(index.search(np.array([[1, 0]], np.float32), 3, Filter())[0])[2] == 0
    assert [cosine for _, cosine in index.search(np.zeros((1, 2), np.float32), 3, Filter())[0]] == [0, 0, 0]


def test_very_long_and_very_short_vectors_keep_their_direction(fill: Fill) -> None:
    """Squares that float32 cannot hold."""
    index = fill(np.array([[3e38, 3e38], [1e-42, 0], [1, 0]]))
    (hits,) = index.search(np.array([[1e30, 0]], np.float32), 3, Filter())
    assert [cosine for _, cosine in hits] == pytest.approx([1, 1, 0.5**0.5], abs=1e-6)


def test_similarity_does_not_depend_on_company(fill: Fill) -> None:
    """The same query finds the same, to the last bit, alone or among others, with or without a filter that all pass."""
    index = fill(RANDOM.standard_normal((300, 48)), [Record(source="a")] * 300)
    queries = RANDOM.standard_normal((7, 48)).astype(np.float32)
    together = index.search(queries, 10, Filter())
    assert together == [index.search(query[None], 10, Filter(sources=["a"]))[0] for query in queries]
    assert [hits[:3] for hits in together] == index.search(queries, 3, Filter())


def test_nothing_is_found_where_nothing_is() -> None:
    """An empty index, and a filter that nobody passes."""
    index = Index(3)
    assert index.search(np.ones((2, 3), np.float32), 5, Filter()) == [[], []]
    assert index.matching(Filter()).tolist() == []
    index.add(np.array([1], np.uint64), np.ones((1, 3), np.float32), [Record()])
    assert index.search(np.ones((1, 3), np.float32), 5, Filter(sources=["nobody"])) == [[]]


def test_positions_may_have_gaps_and_come_again() -> None:
    """A log that is replayed from an earlier point adds what is new."""
    index = Index(2)
    vectors = np.eye(2, dtype=np.float32)
    index.add(np.array([4, 9], np.uint64), vectors, [Record()] * 2)
    index.remove([4])
    index.add(np.array([4, 9, 2**63], np.uint64), vectors[[0, 0, 0]], [Record()] * 3)
    assert index.matching(Filter()).tolist() == [9, 2**63]
    assert [position for position, _ in index.search(vectors[1:], 1, Filter())[0]] == [9]


def test_what_was_added_is_found_while_others_are_added() -> None:
    """Readers meet every record whose add had returned, and never half of one, whatever grows in between."""
    vectors = RANDOM.standard_normal((4000, 16)).astype(np.float32)
    index, added, wrong = Index(16), [0], []

    def read() -> None:
        while added[0] < len(vectors):
            last = added[0]
            if last and index.search(vectors[last - 1 : last], 1, Filter())[0][0][0] != last:
                wrong.append(last)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for first in range(0, len(vectors), 16):
        index.add(np.arange(first + 1, first + 17, dtype=np.uint64), vectors[first : first + 16], [Record(source="s", tags=["t"])] * 16)
        index.upkeep()
        added[0] = first + 16
    for reader in readers:
        reader.join()
    assert not wrong
