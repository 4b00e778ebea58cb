"""Rows in groups, and how much of what is nearest to a question is found among them."""

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter, Record
from tandem_memory.index import Index
from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks import ways
from tandem_memory.index.looks.reach import FEW
from tandem_memory.index.looks.selection import Selection
from tandem_memory.index.rows import Vectors, unit

DIMENSION, COUNT, GROUPS = 48, 12_000, 60
RANDOM = np.random.default_rng(29)
CENTRES = 2 * RANDOM.standard_normal((GROUPS, DIMENSION))
GROUP = RANDOM.integers(0, GROUPS, COUNT)
GROUPED = unit((CENTRES[GROUP] + RANDOM.standard_normal((COUNT, DIMENSION))).astype(np.float32))
SCORE = RANDOM.random(COUNT)
RECORDS = [Record(score=score) for score in SCORE]


def recall(
    index: Index, rows: Vectors, queries: Vectors, there: np.ndarray | None = None, wanted: Filter | None = None, *, k: int = FEW
) -> float:
    """Part of the k nearest that is found."""
    slots = np.arange(len(rows)) if there is None else np.flatnonzero(there)
    nearest = slots[np.argsort(-unit(queries) @ rows[slots].T, axis=1)[:, :k]] + 1
    found = index.search(queries, k, wanted or Filter())
    return float(np.mean([len({position for position, _ in hits} & {*row.tolist()}) / k for hits, row in zip(found, nearest, strict=True)]))


def like_rows(count: int = 50) -> Vectors:
    chosen = RANDOM.integers(0, GROUPS, count)
    return (CENTRES[chosen] + RANDOM.standard_normal((count, DIMENSION))).astype(np.float32)


def in_cells(index: Index, wanted: Filter, k: int = FEW) -> bool:
    """Whether a question for it is looked for there."""
    view = index._view
    return ways.worthwhile(view, Selection(view, Condition(wanted, view.columns)), 1, k) is not None
