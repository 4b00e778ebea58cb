"""Measures on a memory's own rows how far a search in cells has to go there: rows in groups need fewer cells than rows that are spread.

Some rows are asked with, and what the cells find is compared with what multiplying all rows finds.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks import exact
from tandem_memory.index.looks.cells import Bits, Cells, Counts, as_bits
from tandem_memory.index.looks.near import NOBODY, Near, ranked
from tandem_memory.index.looks.reach import FEW, MANY, THIN, Effort, Far, Reach, Thin
from tandem_memory.index.looks.selection import MULTIPLIED, Selection
from tandem_memory.index.looks.ways import cost
from tandem_memory.index.rows import Slots, Vectors, unit
from tandem_memory.index.view import View

Recall = npt.NDArray[np.float64]
_Wanted: TypeAlias = tuple[Counts, Bits | None]
"""How many are in each cell, and which they are, None if everything."""

_TARGET = 0.965  # recall, a little above .95: what is measured and what is asked later differ by .01
_ASKED, _AT_ONCE = 512, 16  # rows
_MULTIPLIED_AT_ONCE = 128  # with all rows, which are read once for each time: half of them take a tenth longer, four times as many as well
_BESIDE = (100, 300)  # finds beyond k that are looked at, the second where the first are not enough: what lies close together needs more
_NOT_MULTIPLIED = 1.2  # times as many as are multiplied are asked for among few: so that those who are counted are more
_GAPS = (0.12, 0.14, 0.16, 0.18, 0.2, 0.23, 0.26, 0.3)  # of what two cells are apart
_WIDER = (0.4, 0.5, 0.6)  # for questions that are not like the rows
_UNLIKE, _ASKED_BETWEEN = 0.1, 128  # part of the rows that may be as far from a cell as what is not like them; questions of that kind
_MOST_APART = 0.1  # part of the rows that may lie apart from the others: scanning for each costs ten times as much
_TIE = 1e-6  # between cosines: either row is right


def reach(view: View, cells: Cells) -> Reach | None:
    """How far a search in `cells` has to go; None where scanning is no further. Takes 15 s of a core among a million rows."""
    selection = Selection(view, Condition(Filter(), view.columns))
    covered = np.flatnonzero(selection.allowed[: cells.covers])
    if not len(covered):
        return None
    asked = np.sort(np.random.default_rng(0).choice(covered, min(len(covered), _ASKED), replace=False))
    measure = _Measure(view, cells, selection, asked, _nearest(view, selection, view.rows.take(asked), MANY + 2))
    few = measure.least(FEW)
    if few is None:
        return None
    many, far = measure.least(MANY), _far(measure, few)
    if many is None:
        return Reach(replace(few, far=far), None)
    return Reach(replace(few, far=far), replace(many, far=far), _thin(measure))


def _thin(measure: "_Measure") -> Thin | None:
    """What finds the nearest among as few of the rows as are not multiplied; None where MANY of all are as far away as these."""
    share = max(THIN, _NOT_MULTIPLIED * MULTIPLIED / measure.selection.count)
    if share >= FEW / MANY:
        return None
    thin = measure.selection.allowed & (np.random.default_rng(2).random(measure.view.sealed) < share)
    slots, asked = np.flatnonzero(thin), measure.asked[::2]  # half of them: each is asked alone
    rows, questions = measure.view.rows.take(slots), measure.view.rows.take(asked)
    true = np.concatenate([exact.among(each, slots, rows, FEW + 1).slots for each in _parts(questions, _AT_ONCE)])
    return Thin(share, measure.cheapest(asked, true, (measure.cells.counts(thin), as_bits(thin))))


def _far(measure: "_Measure", few: Effort) -> Far | None:
    """What is otherwise for questions that are less like the rows than these are: such as lie in the middle between two rows."""
    one = measure.view.rows.take(measure.asked)
    between = unit(one + one[np.random.default_rng(1).permutation(len(one))])
    least, usual = float(np.quantile(measure.cells.nearness(one), _UNLIKE)), float(np.median(measure.cells.nearness(between)))
    if usual >= least:
        return None
    below = (least + usual) / 2
    between = between[measure.cells.nearness(between) < below][:_ASKED_BETWEEN]
    true = _nearest(measure.view, measure.selection, between, FEW).slots
    fars = (Far(below, gap) for gap in (*_GAPS, *_WIDER) if gap >= few.gap)
    enough = (far for far in fars if measure.found(between, true, replace(few, far=far)) >= _TARGET)
    return next(enough, Far(below, math.inf))


def _nearest(view: View, selection: Selection, queries: Vectors, k: int) -> Near:
    """The k nearest to each query, nearest first."""
    slots, cosines = list[Slots](), list[Vectors]()
    for each in _parts(queries, _MULTIPLIED_AT_ONCE):
        near = ranked(view.rows, each, exact.between(view.rows, each, 0, selection.allowed, k).slots, k)
        missing = ((0, 0), (0, k - near.slots.shape[1]))
        slots.append(np.pad(near.slots, missing, constant_values=NOBODY))
        cosines.append(np.pad(near.cosines, missing, constant_values=-np.inf))
    return Near(slots=np.concatenate(slots), cosines=np.concatenate(cosines))


def _parts(queries: Vectors, at_once: int) -> Iterator[Vectors]:
    return (queries[at : at + at_once] for at in range(0, len(queries), at_once))


def _at_once(allowed: Bits | None) -> int:
    """With a mask each query of several looks in as many cells as the one that wants most (`Cells.look`): alone it finds the least."""
    return _AT_ONCE if allowed is None else 1


@dataclass(frozen=True, slots=True)
class _Measure:
    """What is asked, and what is to be found.

    Attributes:
        view: All rows.
        cells: In which some of them are.
        selection: All that are there.
        asked: Slots of those that are asked with.
        near: Each of them itself, the MANY that are nearest to it, and one more.
    """

    view: View
    cells: Cells
    selection: Selection
    asked: Slots
    near: Near

    def least(self, k: int) -> Effort | None:
        """The cheapest effort that finds the k nearest; where there is a tie for the last place nothing is asked."""
        clear = (self.near.cosines[:, k] > self.near.cosines[:, k + 1] + _TIE) | (self.near.slots[:, k + 1] == NOBODY)
        return self.cheapest(self.asked[clear], self.near.slots[clear, : k + 1], self.wanted)

    def cheapest(self, asked: Slots, true: Slots, wanted: _Wanted) -> Effort | None:
        """The cheapest effort that finds `true` of what is wanted but for those that are `asked` with, shape (asked, nearest)."""
        true[(true == asked[:, None]) | (true >= self.cells.covers)] = NOBODY
        return next((effort for beside in _BESIDE if (effort := self._cheapest(asked, true, beside, wanted))), None)

    def _cheapest(self, asked: Slots, true: Slots, beside: int, wanted: _Wanted) -> Effort | None:
        """With few finds the gap has to be as wide as what is nearest lies apart, which goes for filters as well."""
        least, price = None, math.inf
        for gap in _GAPS:
            recall, looked_in = self._recall(asked, true, gap, beside, wanted)
            finds = int(np.searchsorted(recall, _TARGET)) + 1
            if finds <= len(recall):
                effort = Effort(gap=gap, cells=looked_in, finds=finds)
                if (asks := cost(self.cells, effort, self.view.rows.dimension)) >= price:
                    break
                least, price = effort, asks
        return least

    @property
    def wanted(self) -> _Wanted:
        """All that are there."""
        return self.selection.counts(self.cells), None if self.selection.everything else self.selection.bits

    def found(self, queries: Vectors, true: Slots, effort: Effort) -> float:
        """Part of what is nearest to each query that such an effort finds; those that lie apart are scanned for."""
        counts, allowed = self.wanted
        parts = [self.cells.nearest(each, true.shape[1], effort, counts, allowed) for each in _parts(queries, _at_once(allowed))]
        missed = there = 0
        for found, right in zip(itertools.chain(*parts), true, strict=True):
            covered = right[(right != NOBODY) & (right < self.cells.covers)]
            there += len(covered)
            missed += 0 if (found == NOBODY).all() else np.count_nonzero(~np.isin(covered, found))
        return 1.0 - missed / max(1, there)

    def _recall(self, asked: Slots, true: Slots, gap: float, beside: int, wanted: _Wanted) -> tuple[Recall, float]:
        """Of one find, of two, and so on, for what does not lie apart; and how many cells that takes. 0 if too much lies apart."""
        k = true.shape[1] - 1
        counts, allowed = wanted
        recall = np.zeros(k + beside)
        looked_in = there = 0
        at_once = _at_once(allowed)
        for at in range(0, len(asked), at_once):
            own = asked[at : at + at_once]
            queries = self.view.rows.take(own)
            chosen, products = self.cells.chosen(queries, k, gap, counts)
            found = self.cells.look(queries, chosen, products, len(recall) + 1, allowed)
            looked = np.count_nonzero(chosen != NOBODY, axis=1)
            for row, those, right, cells in zip(own, found, true[at : at + at_once], looked, strict=True):
                if cells:
                    looked_in, there = looked_in + int(cells), there + 1
                    others = those[those != row][: len(recall)]
                    recall += np.cumsum((others != NOBODY) & np.isin(others, right)) / max(1, np.count_nonzero(right != NOBODY))
        if not there or there < (1 - _MOST_APART) * len(asked):
            return np.zeros_like(recall), 0.0
        return recall / there, looked_in / there
