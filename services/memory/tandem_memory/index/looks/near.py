"""What a search has found so far, for each query: slots and similarities, as many as are asked for, and how finds are merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from tandem_memory.index.rows import Rows, Slots, Vectors

_LEAST, _MOST = np.float32(-1), np.float32(1)  # of a cosine
_MANY = 64  # finds of a query
_AT_ONCE = 1 << 14  # finds that are measured at once: 25 MB of 384 dimensions
NOBODY = -1  # fills up where a query has found less than another


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Finds by query, in no order.

    Attributes:
        slots: Shape (queries, found), NOBODY where there is none.
        cosines: Of the same shape, -inf where there is none.
    """

    slots: Slots
    cosines: Vectors

    @classmethod
    def nothing(cls, queries: int) -> Self:
        """No finds for so many queries."""
        return cls(slots=np.empty((queries, 0), np.int64), cosines=np.empty((queries, 0), np.float32))

    def nearest(self, k: int) -> "Near":
        """The k nearest of each query, in no order."""
        if self.slots.shape[1] <= k:
            return self
        kept = np.argpartition(self.cosines, -k, axis=1)[:, -k:]
        return self.at(kept)

    def at(self, places: npt.NDArray[np.intp]) -> "Near":
        """Those at `places` of each query, shape (queries, kept)."""
        rows = np.arange(len(places))[:, None]  # as `take_along_axis` has it, in a quarter of its time
        return Near(slots=self.slots[rows, places], cosines=self.cosines[rows, places])


def merged(finds: Sequence[Near], k: int) -> Near:
    """The k nearest of each query among `finds`, of which there is at least one."""
    some = [each for each in finds if each.slots.shape[1]] or finds[:1]
    if len(some) == 1:
        return some[0].nearest(k)
    return Near(slots=np.hstack([each.slots for each in some]), cosines=np.hstack([each.cosines for each in some])).nearest(k)


def padded(slots: Sequence[Slots]) -> list[Slots]:
    """Slots of several queries each, with NOBODY behind so that all are of one width."""
    width = max(each.shape[1] for each in slots)
    return [np.pad(each, ((0, 0), (0, width - each.shape[1])), constant_values=NOBODY) for each in slots]


def replaced(slots: Slots, places: npt.NDArray[np.intp], others: Slots) -> Slots:
    """`slots`, of whose queries those at `places` have found `others` instead."""
    slots, others = padded([slots, others])
    slots[places] = others
    return slots


def measured(rows: Rows, queries: Vectors, slots: Slots) -> Near:
    """Cosines of each query with its own `slots`, shape (queries, found); NOBODY may be among them."""
    cosines = np.empty(slots.shape, np.float32)
    step = max(1, _AT_ONCE // max(1, slots.shape[1]))
    for at in range(0, len(slots), step):
        own = slots[at : at + step]
        cosines[at : at + step] = np.matmul(_taken(rows, own), queries[at : at + step, :, None])[:, :, 0]
    cosines[slots == NOBODY] = -np.inf
    return Near(slots=slots, cosines=cosines)


def ranked(rows: Rows, queries: Vectors, slots: Slots, k: int) -> Near:
    """The k nearest of each query among its own `slots`, shape (queries, found), nearest first and older first among equals.

    Places without a find come last. Cosines are summed by one routine and in float64, so that they do not depend on how a row was found
    or on what else was asked. Where they are many, those that count are found by float32 first, in half of the memory.
    """
    if slots.shape[1] > max(_MANY, k):
        slots = measured(rows, queries, slots).nearest(k).slots
    cosines = np.vecdot(_taken(rows, slots).astype(np.float64), queries.astype(np.float64)[:, None]).astype(np.float32)
    np.minimum(np.maximum(cosines, _LEAST, out=cosines), _MOST, out=cosines)
    cosines[slots == NOBODY] = -np.inf
    order = np.lexsort((slots, -cosines), axis=1)[:, :k]
    return Near(slots=slots, cosines=cosines).at(order)


def _taken(rows: Rows, slots: Slots) -> Vectors:
    """The rows at `slots`, shape (queries, found, dimension); any row where there is nobody."""
    return rows.take(np.maximum(slots, 0).ravel()).reshape(*slots.shape, rows.dimension)
