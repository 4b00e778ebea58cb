"""The ways to look through many rows, and what each costs: multiplying those that match, scanning segments, looking into cells.

Costs are nanoseconds of one core (Xeon with AVX-512, 384 dimensions) whose caches something else has used; only their proportions matter.
"""

import math
from enum import StrEnum

import numpy as np

from tandem_memory.index.looks import exact
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.exact import SPARSE
from tandem_memory.index.looks.near import NOBODY, merged, padded
from tandem_memory.index.looks.reach import Effort
from tandem_memory.index.looks.selection import Selection
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.view import View

_BEGIN_SCAN = 40_000  # rotate a query, for each segment
_SCAN_ONE, _SCAN_MANY = 9.0, 5.0  # a row, for a query alone and for each of several together; in segments of 50,000 rows a third of that
_BEGIN_PROBE, _CENTROID = 40_000, 0.03  # cells for a query: for itself, and for each component of a centroid
_PROBE = 0.09  # each component of a row in them
_MEASURE = 1100.0  # a find: its float row is fetched and multiplied
_MULTIPLY, _FETCH = 60.0, 190.0  # a float row for a query, and before that once if rows are far between
_ROUGH = 10  # finds beyond k + k // 2 that 4 bits may have put in the wrong order


class Way(StrEnum):
    """How to look."""

    MULTIPLY = "multiply"
    SCAN = "scan"
    PROBE = "probe"


def roughly(selection: Selection, queries: Vectors, k: int) -> Slots:
    """Slots that hold all but certainly the k nearest of each query among the sealed rows of a selection."""
    wanted = k + k // 2 + _ROUGH
    finds = [segment.nearest(queries, wanted, mask) for segment, mask in selection.parts]
    return merged([*finds, exact.among(queries, selection.scattered, selection.scattered_rows, wanted)], wanted).slots


def by_cells(view: View, cells: Cells, effort: Effort, selection: Selection, queries: Vectors, *, k: int) -> Slots:
    """Slots that hold about the k nearest of each query among the sealed rows of a selection."""
    covers, allowed = min(cells.covers, view.sealed), None if selection.everything else selection.bits
    slots = cells.nearest(queries, k, effort, selection.counts(cells), allowed)
    slots[slots >= covers] = NOBODY  # more may have come in since
    found = np.count_nonzero(slots != NOBODY, axis=1)
    if covers < view.sealed:
        slots = np.hstack([slots, exact.between(view.rows, queries, covers, selection.allowed[covers:], k).slots])
    if found.min(initial=k) < k:  # of a query apart from all rows, or of a selection that has no more
        short = np.flatnonzero(found < min(k, np.count_nonzero(selection.allowed[:covers])))
        if len(short):
            slots, others = padded([slots, roughly(selection, queries[short], k)])
            slots[short] = others
    return slots


def cheapest(view: View, selection: Selection, queries: int, k: int) -> tuple[Way, Effort | None]:
    """The way that costs least for so many queries, and how far to go where it is by cells."""
    scan = _BEGIN_SCAN * len(selection.parts) * queries + selection.scanned * (_SCAN_ONE if queries == 1 else _SCAN_MANY * queries)
    scan += _MULTIPLY * len(selection.scattered) * queries
    sparse = selection.count < SPARSE * view.sealed
    multiply = selection.count * (_FETCH + _MULTIPLY * queries) if sparse else view.sealed * _MULTIPLY * queries
    reach = None if view.cells is None else view.cells.reach
    effort = None if reach is None else reach.effort(k, selection.share)
    probe = math.inf
    if view.cells is not None and effort is not None:
        behind = view.sealed - min(view.cells.covers, view.sealed)
        probe = queries * (cost(view.cells, effort, view.rows.dimension) + _MULTIPLY * behind)
    return min(((probe, Way.PROBE), (scan, Way.SCAN), (multiply, Way.MULTIPLY)))[1], effort


def cost(cells: Cells, effort: Effort, dimension: int) -> float:
    """Of a query in cells, in nanoseconds."""
    looked_at = _PROBE * effort.cells * cells.rows / cells.number + _CENTROID * cells.number
    return _BEGIN_PROBE + dimension * looked_at + _MEASURE * effort.finds
