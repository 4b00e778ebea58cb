"""Measures on a memory's own rows how far a search in cells has to go there: rows in groups need fewer cells than rows that are spread.

Some rows are asked with, and what the cells find is compared with what scanning all rows finds, which is next to everything.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.near import NOBODY, Near, ranked
from tandem_memory.index.looks.reach import FEW, MANY, Effort, Reach
from tandem_memory.index.looks.selection import Selection
from tandem_memory.index.looks.ways import cost, roughly
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.view import View

Recall = npt.NDArray[np.float64]

_TARGET = 0.965  # recall, a little above .95: what is measured and what is asked later differ by .01
_ASKED, _AT_ONCE = 512, 16  # rows
_BESIDE = 100  # finds beyond k that are looked at: of rows in 64 components, 26 are needed for ten
_GAPS = (0.12, 0.14, 0.16, 0.18, 0.2, 0.23, 0.26, 0.3)  # with less, questions that are not like the rows would find too little
_MOST_APART = 0.1  # part of the rows that may lie apart from the others: scanning for each costs ten times as much
_TIE = 1e-6  # between cosines: either row is right


def reach(view: View, cells: Cells) -> Reach | None:
    """How far a search in `cells` has to go; None where scanning is no further. Takes seconds among a million rows."""
    selection = Selection(view, Condition(Filter(), view.columns))
    covered = np.flatnonzero(selection.allowed[: cells.covers])
    if not len(covered):
        return None
    asked = np.sort(np.random.default_rng(0).choice(covered, min(len(covered), _ASKED), replace=False))
    measure = _Measure(view, cells, selection, asked, _nearest(view, selection, asked))
    few = measure.least(FEW)
    return None if few is None else Reach(few, measure.least(MANY))


def _nearest(view: View, selection: Selection, asked: Slots) -> Near:
    """Each row itself, the MANY that are nearest to it, and one more; nearest first."""
    slots, cosines = list[Slots](), list[Vectors]()
    for at in range(0, len(asked), _AT_ONCE):
        queries = view.rows.take(asked[at : at + _AT_ONCE])
        near = ranked(view.rows, queries, roughly(selection, queries, MANY + 2), MANY + 2)
        missing = ((0, 0), (0, MANY + 2 - near.slots.shape[1]))
        slots.append(np.pad(near.slots, missing, constant_values=NOBODY))
        cosines.append(np.pad(near.cosines, missing, constant_values=-np.inf))
    return Near(slots=np.concatenate(slots), cosines=np.concatenate(cosines))


@dataclass(frozen=True, slots=True)
class _Measure:
    """What is asked, and what is to be found.

    Attributes:
        view: All rows.
        cells: In which some of them are.
        selection: All that are there.
        asked: Slots of those that are asked with.
        near: What is nearest to each of them.
    """

    view: View
    cells: Cells
    selection: Selection
    asked: Slots
    near: Near

    def least(self, k: int) -> Effort | None:
        """The cheapest effort that finds the k nearest; where there is a tie for the last place nothing is asked."""
        clear = (self.near.cosines[:, k] > self.near.cosines[:, k + 1] + _TIE) | (self.near.slots[:, k + 1] == NOBODY)
        asked, true = self.asked[clear], self.near.slots[clear, : k + 1]
        true[(true == asked[:, None]) | (true >= self.cells.covers)] = NOBODY
        least, price = None, math.inf
        for gap in _GAPS:
            recall, looked_in = self._recall(asked, true, gap)
            finds = int(np.searchsorted(recall, _TARGET)) + 1
            if finds <= len(recall):
                effort = Effort(gap=gap, cells=looked_in, finds=finds)
                if (asks := cost(self.cells, effort, self.view.rows.dimension)) >= price:
                    break
                least, price = effort, asks
        return least

    def _recall(self, asked: Slots, true: Slots, gap: float) -> tuple[Recall, float]:
        """Of one find, of two, and so on, for what does not lie apart; and how many cells that takes. 0 if too much lies apart."""
        k = true.shape[1] - 1
        counts, allowed = self.selection.counts(self.cells), None if self.selection.everything else self.selection.bits
        recall = np.zeros(k + _BESIDE)
        looked_in = there = 0
        for at in range(0, len(asked), _AT_ONCE):
            own = asked[at : at + _AT_ONCE]
            queries = self.view.rows.take(own)
            chosen, products = self.cells.chosen(queries, k, gap, counts)
            found = self.cells.look(queries, chosen, products, len(recall) + 1, allowed)
            looked = np.count_nonzero(chosen != NOBODY, axis=1)
            for row, those, right, cells in zip(own, found, true[at : at + _AT_ONCE], looked, strict=True):
                if cells:
                    looked_in, there = looked_in + int(cells), there + 1
                    others = those[those != row][: len(recall)]
                    recall += np.cumsum((others != NOBODY) & np.isin(others, right)) / max(1, np.count_nonzero(right != NOBODY))
        if not there or there < (1 - _MOST_APART) * len(asked):
            return np.zeros_like(recall), 0.0
        return recall / there, looked_in / there
