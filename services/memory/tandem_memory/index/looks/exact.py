"""Exact search: every row that may be found is multiplied with every query. Right by construction, and fast enough for few rows."""

from collections.abc import Iterator

import numpy as np

from tandem_memory.index.fields.condition import Mask
from tandem_memory.index.looks.near import Near, merged
from tandem_memory.index.rows import Rows, Slots, Vectors

BLOCK = 4096  # rows at a time: 6 MB at 384 dimensions, and as many scores for each query
SPARSE = 0.25  # below this part of a block its rows are gathered; above, multiplying them all costs less than copying some


def among(queries: Vectors, slots: Slots, rows: Vectors, k: int) -> Near:
    """The k nearest of each query among `rows`, shape (slots, dimension), which are those of `slots`."""
    return _nearest(slots, rows @ queries.T, k)  # for a few queries in half the time of `queries @ rows.T`


def between(rows: Rows, queries: Vectors, first: int, passing: Mask, k: int) -> Near:
    """The k nearest of each query among the slots from `first` on for which `passing` holds."""
    found = Near.nothing(len(queries))
    if not len(passing):
        return found
    for slots, cosines in _scored(rows, queries, first, passing):
        if len(slots):
            found = merged([found, _nearest(slots, cosines, k)], k)
    return found


def _nearest(slots: Slots, cosines: Vectors, k: int) -> Near:
    """The k nearest of each query, of cosines of shape (slots, queries)."""
    return Near(slots=np.broadcast_to(slots, cosines.T.shape), cosines=cosines.T).nearest(k)


def _scored(rows: Rows, queries: Vectors, first: int, passing: Mask) -> Iterator[tuple[Slots, Vectors]]:
    for begin, block in rows.runs(first, first + len(passing), BLOCK):
        mask = passing[begin - first : begin - first + len(block)]
        chosen = np.flatnonzero(mask)
        if len(chosen) < SPARSE * len(block):
            yield chosen + begin, block[chosen] @ queries.T
        else:
            yield chosen + begin, (block @ queries.T)[chosen]
