"""The ways to look through many rows, and what each costs: multiplying those that match, scanning segments, looking into cells.

Costs are nanoseconds of one core (Xeon with AVX-512, 384 dimensions) whose caches something else has used; only their proportions matter.
"""

import numpy as np
import numpy.typing as npt

from tandem_memory.index.looks import exact
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.exact import SPARSE
from tandem_memory.index.looks.near import NOBODY, measured, merged, replaced
from tandem_memory.index.looks.reach import FEW, Effort
from tandem_memory.index.looks.selection import Selection
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.view import View

_BEGIN_SCAN = 40_000  # rotate a query, for each segment
_SCAN_ONE, _SCAN_MANY = 9.0, 5.0  # a row, for a query alone and for each of several together
_BEGIN_PROBE, _CENTROID = 40_000, 0.03  # cells for a query: for itself, and for each component of a centroid
_PROBE = 0.09  # each component of a row in them
_MEASURE = 1100.0  # a find: its float row is fetched and multiplied
_MULTIPLY, _FETCH = 60.0, 190.0  # a float row for a query, and before that once if rows are far between
_DEPTH, _DEEPER = 10, 4  # finds of a scan beyond 1.5 times those that are wanted, and times as many where these do not tell
_SURE = 3.0  # errors of a scan by which its last find has to be further away than the k-th nearest
_SAME = 1.0 - 1e-6  # of a cosine: nothing is nearer, however many copies there are
_SPARE = 8  # beyond k, of what was measured by float32


def scanned(view: View, selection: Selection, queries: Vectors, k: int) -> Slots:
    """Slots that hold all but certainly the k nearest of each query among the sealed rows of a selection.

    4 bits put rows in an order that is a little off: by how much, tells what they find, which is measured. Where the last find is not
    clearly further away than the k-th nearest, as among rows that lie close together, more are looked for, and then all are multiplied.
    """
    depth = int(1.5 * max(k, FEW)) + _DEPTH
    slots, sure = _scan(view, selection, queries, k, depth)
    unsure = np.flatnonzero(~sure)
    if len(unsure):
        deeper, sure = _scan(view, selection, queries[unsure], k, _DEEPER * depth)
        slots, unsure = replaced(slots, unsure, deeper), unsure[~sure]
    if len(unsure):
        slots = replaced(slots, unsure, exact.between(view.rows, queries[unsure], 0, selection.allowed, k).slots)
    return slots


def _scan(view: View, selection: Selection, queries: Vectors, k: int, depth: int) -> tuple[Slots, npt.NDArray[np.bool_]]:
    """What is nearest among so many finds of each query, and whether they are deep enough."""
    beside = exact.among(queries, selection.scattered, selection.scattered_rows, k).slots
    if not selection.parts:
        return beside, np.ones(len(queries), np.bool_)
    found = merged([segment.nearest(queries, depth, mask) for segment, mask in selection.parts], depth)
    near = measured(view.rows, queries, found.slots)
    there = found.slots != NOBODY
    errors = np.subtract(found.cosines, near.cosines, out=np.zeros_like(near.cosines), where=there)
    error = np.sqrt(np.vecdot(errors, errors) / np.maximum(np.count_nonzero(there, axis=1), 1))
    last = np.where(there, found.cosines, np.inf).min(axis=1)
    kth = near.nearest(max(k, FEW)).cosines.min(axis=1)
    sure = (kth - last >= _SURE * error) | (kth >= _SAME) | (np.count_nonzero(there, axis=1) < depth)
    return np.hstack([near.nearest(k + _SPARE).slots, beside]), sure


def without_cells(view: View, selection: Selection, queries: Vectors, k: int) -> Slots:
    """The same, or by multiplying all that is selected where that costs less."""
    scan, multiply = _prices(view, selection, len(queries))
    if multiply < scan:
        return exact.between(view.rows, queries, 0, selection.allowed, k).slots
    return scanned(view, selection, queries, k)


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
            slots = replaced(slots, short, without_cells(view, selection, queries[short], k))
    return slots


def worthwhile(view: View, selection: Selection, queries: int, k: int) -> Effort | None:
    """How far to look in cells for so many queries; None where another way costs less."""
    cells = view.cells
    if cells is None or (reach := cells.reach) is None:
        return None
    effort = reach.effort(k, selection.share(cells))
    if effort is None:
        return None
    behind = _MULTIPLY * (view.sealed - min(cells.covers, view.sealed))
    return effort if queries * (cost(cells, effort, view.rows.dimension) + behind) < min(_prices(view, selection, queries)) else None


def cost(cells: Cells, effort: Effort, dimension: int) -> float:
    """Of a query in cells, in nanoseconds."""
    looked_at = _PROBE * effort.cells * cells.rows / cells.number + _CENTROID * cells.number
    return _BEGIN_PROBE + dimension * looked_at + _MEASURE * effort.finds


def _prices(view: View, selection: Selection, queries: int) -> tuple[float, float]:
    """Of so many queries by scanning segments, and by multiplying."""
    scan = _BEGIN_SCAN * len(selection.parts) * queries + selection.scanned * (_SCAN_ONE if queries == 1 else _SCAN_MANY * queries)
    scan += _MULTIPLY * len(selection.scattered) * queries
    sparse = selection.count < SPARSE * view.sealed
    return scan, selection.count * (_FETCH + _MULTIPLY * queries) if sparse else view.sealed * _MULTIPLY * queries
