"""Measures on a memory's own rows how far a search in cells has to go there: rows in groups need fewer cells than rows that are spread.

Some rows are asked with, and what the cells find is compared with what scanning all rows finds, which is next to everything.
"""

import math

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks.cells import Cells, Counts
from tandem_memory.index.looks.near import NOBODY, padded, ranked
from tandem_memory.index.looks.reach import FEW, MANY, Effort, Reach
from tandem_memory.index.looks.selection import Selection
from tandem_memory.index.looks.ways import cost, roughly
from tandem_memory.index.rows import Slots
from tandem_memory.index.view import View

Recall = npt.NDArray[np.float64]

_TARGET = 0.965  # recall, a little above .95: it is known to about .003
_ASKED, _AT_ONCE = 512, 16
_BESIDE = 100  # finds beyond k that are looked at
_GAPS = (0.12, 0.14, 0.16, 0.18, 0.2, 0.23, 0.26, 0.3)  # with less, questions that are not like the rows would find too little
_APART = 0.1  # part of the rows that may lie apart from the others: above, scanning costs less


def reach(view: View, cells: Cells) -> Reach | None:
    """How far a search in `cells` has to go; None where scanning is no further."""
    selection = Selection(view, Condition(Filter(), view.columns))
    covered = np.flatnonzero(selection.allowed[: cells.covers])
    if not len(covered):
        return None
    asked = np.sort(np.random.default_rng(0).choice(covered, min(len(covered), _ASKED), replace=False))
    few = _least(view, cells, selection, asked, FEW)
    return None if few is None else Reach(few, _least(view, cells, selection, asked, MANY))


def _least(view: View, cells: Cells, selection: Selection, asked: Slots, k: int) -> Effort | None:
    """The cheapest effort with which the k nearest of the rows that are asked with are found."""
    true, counts = _nearest(view, selection, asked, k), selection.counts(cells)
    true[(true == asked[:, None]) | (true >= cells.covers)] = NOBODY
    least, price = None, math.inf
    for gap in _GAPS:
        recall, looked_in = _recall(view, cells, counts, asked, true, k=k, gap=gap)
        finds = int(np.searchsorted(recall, _TARGET)) + 1
        if finds <= len(recall):
            effort = Effort(gap=gap, cells=looked_in, finds=finds)
            if (asks := cost(cells, effort, view.rows.dimension)) >= price:
                break
            least, price = effort, asks
    return least


def _recall(view: View, cells: Cells, counts: Counts, asked: Slots, true: Slots, *, k: int, gap: float) -> tuple[Recall, float]:
    """Of one find, of two, and so on, for what does not lie apart; and how many cells that takes. Nothing is found if too much does."""
    recall, looked_in, there, effort = np.zeros(k + _BESIDE), 0, 0, Effort(gap=gap, cells=math.inf, finds=k + _BESIDE + 1)
    for at in range(0, len(asked), _AT_ONCE):
        queries, near = view.rows.take(asked[at : at + _AT_ONCE]), true[at : at + _AT_ONCE]
        within = np.count_nonzero(cells.chosen(queries, k, gap, counts)[0] != NOBODY, axis=1)
        looked_in, there = looked_in + int(within.sum()), there + int(np.count_nonzero(within))
        found = zip(asked[at : at + _AT_ONCE], cells.nearest(queries, k, effort, counts), near, within, strict=True)
        for own, those, right, some in found:
            if some:
                others = those[those != own][: len(recall)]
                recall += np.cumsum((others != NOBODY) & np.isin(others, right)) / max(1, np.count_nonzero(right != NOBODY))
    if there < (1 - _APART) * len(asked):
        return np.zeros(k + _BESIDE), 0.0
    return recall / there, looked_in / there


def _nearest(view: View, selection: Selection, asked: Slots, k: int) -> Slots:
    """The k nearest of each row and itself, shape (asked, k + 1)."""
    parts = list[Slots]()
    for at in range(0, len(asked), _AT_ONCE):
        queries = view.rows.take(asked[at : at + _AT_ONCE])
        parts.append(ranked(view.rows, queries, roughly(selection, queries, k + 1), k + 1).slots)
    return np.concatenate(padded(parts))
