"""How a search is carried out: which rows can be found, and by which of the ways to look through them."""

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index import exact
from tandem_memory.index.condition import Condition
from tandem_memory.index.near import ranked
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.view import View

Hits = list[list[tuple[int, float]]]


def matching(view: View, wanted: Filter) -> Slots:
    """Slots of all records that match, ascending."""
    condition = Condition(wanted, view.columns)
    slots = np.flatnonzero(condition.lasting(0, view.count))
    return slots[condition.now(slots)]


def search(view: View, queries: Vectors, k: int, wanted: Filter) -> Hits:
    """For each of `queries`, unit vectors of shape (queries, dimension), the k nearest that match: position and cosine, nearest first."""
    near = exact.among(view.rows, queries, matching(view, wanted), k)
    positions = view.columns.position.first(view.count)
    return [list(zip(positions[slots].tolist(), cosines, strict=True)) for slots, cosines in ranked(view.rows, queries, near)]
