"""The ways to look through many rows, and what each costs: multiplying those that match, scanning segments, walking the graph.

Costs are nanoseconds of one core (EPYC with AVX-512, 384 dimensions); only their proportions matter.
"""

import math
from enum import StrEnum

import numpy as np

from tandem_memory.index.looks import exact
from tandem_memory.index.looks.exact import SPARSE
from tandem_memory.index.looks.graph import Graph
from tandem_memory.index.looks.near import NOBODY, merged
from tandem_memory.index.looks.selection import Selection
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.view import View

_BEGIN_SCAN = 30_000  # rotate a query, for each segment
_SCAN_ONE, _SCAN_MANY = 6.0, 2.2  # a row, for a query alone and for each of several together
_BEGIN_WALK, _WALK = 60_000, 6_000  # along the graph: for a query, and for each find
_MULTIPLY, _FETCH = 40.0, 130.0  # a float row for a query, and before that once if rows are far between

_WIDTH, _WIDTH_ROWS, _WIDER = 16, 1 << 17, 23  # finds that give recall@10 over .95 in so many rows, and how many more for twice as many
_DIMENSION, _DEEPER = 384, 8  # of the rows for which that holds, and how many more finds for rows of twice as many components
_WIDEST = 400  # above, a filter leaves too little of what the graph finds
_CHANCE = 1.3  # a filter's share differs from place to place
_ROUGH = 10  # finds beyond k + k // 2 that 4 bits may have put in the wrong order
_NEARLY = 10  # finds beyond k that 8 bits may have put so, at least, and half of k: more of them give .003 more recall


class Way(StrEnum):
    """How to look."""

    MULTIPLY = "multiply"
    SCAN = "scan"
    WALK = "walk"


def roughly(selection: Selection, queries: Vectors, k: int) -> Slots:
    """Slots that hold all but certainly the k nearest of each query among the sealed rows of a selection."""
    wanted = k + k // 2 + _ROUGH
    finds = [segment.nearest(queries, wanted, mask) for segment, mask in selection.parts]
    return merged([*finds, exact.among(queries, selection.scattered, selection.scattered_rows, wanted)], wanted).slots


def by_graph(view: View, graph: Graph, selection: Selection, queries: Vectors, k: int) -> Slots | None:
    """Slots that hold about the k nearest of each query among the sealed rows of a selection; None when too few found are of it."""
    covers, width = min(graph.covers, view.sealed), _width(view, selection, k)
    slots, everything = graph.nearest(queries, width), selection.count == view.sealed
    if everything:  # all of them fit, and the nearest come first: those that 8 bits put last need not be measured
        slots = slots[:, : k + max(_NEARLY, k // 2)]
    fit = (slots < covers) & (slots != NOBODY)  # the graph may have grown on since
    if not everything:
        fit &= selection.allowed[np.where(fit, slots, 0)]
    if not fit.all():
        least = int(fit.sum(axis=1).min(initial=k))
        if least < k and least < np.count_nonzero(selection.allowed[:covers]):
            return None
        slots = np.where(fit, slots, NOBODY)
    if covers == view.sealed:
        return slots
    return np.hstack([slots, exact.between(view.rows, queries, covers, selection.allowed[covers:], k).slots])


def cheapest(view: View, selection: Selection, queries: int, k: int) -> Way:
    """The way that costs least for so many queries."""
    width = _width(view, selection, k)
    scan = _BEGIN_SCAN * len(selection.parts) * queries + selection.scanned * (_SCAN_ONE if queries == 1 else _SCAN_MANY * queries)
    scan += _MULTIPLY * len(selection.scattered) * queries
    sparse = selection.count < SPARSE * view.sealed
    multiply = selection.count * (_FETCH + _MULTIPLY * queries) if sparse else view.sealed * _MULTIPLY * queries
    walk = math.inf
    if view.graph is not None and width <= _WIDEST + k:
        behind = view.sealed - min(view.graph.covers, view.sealed)
        walk = queries * (_BEGIN_WALK + _WALK * width + _MULTIPLY * behind)
    return min(((walk, Way.WALK), (scan, Way.SCAN), (multiply, Way.MULTIPLY)))[1]


def _width(view: View, selection: Selection, k: int) -> int:
    share = selection.count / view.sealed
    wider, deeper = _doublings(view.sealed / _WIDTH_ROWS), _doublings(view.rows.dimension / _DIMENSION)
    return int(_WIDTH + _WIDER * wider + _DEEPER * deeper + k * (1.0 if share == 1.0 else _CHANCE / share))


def _doublings(times: float) -> float:
    return max(0.0, math.log2(times))
