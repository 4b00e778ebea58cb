"""Rows in cells around centroids, for searches among many: only the cells that are nearest to a query are looked through.

It is an inverted file (Jegou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search", 2011) by faiss, in which a row has
two bits a component (RaBitQ: Gao and Long, arXiv 2405.12497, and Gao et al., arXiv 2409.09913). It says where to look, and what it
finds is measured by the float rows. A query looks beyond the cell by which it has seen as many rows as it wants, for as far as was
measured to be enough (`measuring`): where rows of one kind lie close together that is one cell or two, and more in between.

faiss lets the interpreter go while it works. Who adds and who searches take turns, and so do those who search, since how many cells
to look in is said to the file itself (to say it by call takes as long as a tenth of a search); so all of it is done a few rows at a
time. Like other libraries it spreads over all cores unless OMP_NUM_THREADS says otherwise, which is for the process to say.
"""

import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, cast

import faiss
import numpy as np
import numpy.typing as npt

from tandem_memory.index.growing import Growing
from tandem_memory.index.looks.near import NOBODY, padded, replaced
from tandem_memory.index.looks.reach import Effort, Far, Reach
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.stored import Stored

Bits = npt.NDArray[np.uint8]
"""A mask of slots with eight to a byte, the first in the lowest bit."""
Counts = npt.NDArray[np.int64]
"""A number for each cell."""

_NUMBER = 1.3  # times the square root of the rows: then the centroids cost a query about a fifth of what the rows in its cells do
_SAMPLE, _ROUNDS = 64, 6  # rows a cell that centroids are made from, and how often these are moved (k-means): with half, recall is .01 less
_MOST_SAMPLE = 40_000  # rows: those of a million then take 9 s, in which nothing else is arranged
_ADDED_AT_ONCE, _SOUGHT_AT_ONCE = 32, 16  # rows and queries: 1 to 4 ms, for which others wait
_FIRST_LOOK = 16  # cells in which most queries find that they need no others
_FURTHER = 0.5  # of what lies between its own cell and the one by which it has seen enough, a query looks further than that
_WIDE = 3  # times the usual cells: a query that looks in so many is about as near to many rows, which two bits tell apart less well
_FINDS_OF_WIDE, _FINDS_OF_UNLIKE = 2, 4  # times the usual finds, for such a query and for one that is not like the rows
_APART, _FEWEST = 8, 16  # a query lies apart from all rows if it wants that part of the cells, and more than so many
# By _FURTHER to _FEWEST, questions whose neighbours were all removed find .97 of what is nearest then, in place of .85 (test_recall.py).
_LEAST_UNLIKE = 1e-6


class Cells:
    """Finds rows near a query among those that were added.

    Args:
        file: Has its centroids.

    Attributes:
        busy: It is added to: who searches may have to wait.
        covers: Every row below this slot that was there is in it.
        measured: What it covered when its reach was measured; 0 before.
        reach: How far a search has to go; None where that is not known, or scanning all rows is no further.
        rests_until_s: By the clock `time.monotonic`; until then they need not be filled where nobody waits for it.
        stored: Where it is written down, and what it covered then.
    """

    __slots__ = ("__weakref__", "_cell_of", "_file", "_free", "_unlike", "busy", "covers", "measured", "reach", "rests_until_s", "stored")

    def __init__(self, file: faiss.IndexIVF) -> None:
        self._file, self._free = file, threading.Lock()
        self._cell_of = Growing(np.empty(0, np.int32))
        mean = np.mean(file.quantizer.reconstruct_n(0, file.nlist), axis=0)
        self._unlike = max(1.0 - float(np.vecdot(mean, mean)), _LEAST_UNLIKE)  # two centroids, in the mean
        self.busy, self.covers, self.rests_until_s = False, 0, 0.0
        self.reach: Reach | None = None
        self.measured = 0
        self.stored: tuple[Stored, int] | None = None

    @classmethod
    def around(cls, sample: Vectors, number: int) -> Self:
        """So many cells, with nothing in them yet, for rows like `sample`, of which there are at least as many."""
        made = faiss.index_factory(sample.shape[1], f"IVF{number},RaBitQfs2", faiss.METRIC_INNER_PRODUCT)
        file = cast("faiss.IndexIVF", made)
        file.cp.niter, file.cp.min_points_per_centroid, file.cp.max_points_per_centroid = _ROUNDS, 1, _SAMPLE
        file.train(sample)
        return cls(file)

    @property
    def rows(self) -> int:
        """How many are in them."""
        return self._file.ntotal

    @property
    def number(self) -> int:
        """How many cells."""
        return self._file.nlist

    def add(self, slots: Slots, rows: Vectors) -> None:
        """Add rows at ascending slots; `covers` is for the caller to move on. Those that an add which failed has left here stay."""
        new = slots >= len(self._cell_of)
        slots, rows = slots[new], rows[new]
        with self._at_work():
            for at in range(0, len(slots), _ADDED_AT_ONCE):
                part, those = slots[at : at + _ADDED_AT_ONCE], rows[at : at + _ADDED_AT_ONCE]
                cells = np.full(int(part[-1]) + 1 - len(self._cell_of), self.number, np.int32)
                cells[part - len(self._cell_of)] = self._file.quantizer.search(those, 1)[1][:, 0]
                with self._free:
                    self._file.add_with_ids(those, part)
                self._cell_of.extend(cells)
                time.sleep(0)  # whoever waits for it has it now

    def counts(self, allowed: npt.NDArray[np.bool_]) -> Counts:
        """How many of the slots that are allowed are in each cell."""
        cell_of = self._cell_of.first(min(len(self._cell_of), len(allowed)))
        return np.bincount(cell_of[allowed[: len(cell_of)]], minlength=self.number + 1)[: self.number]

    def nearness(self, queries: Vectors) -> Vectors:
        """The product of each query with the centroid that is nearest to it."""
        return self._file.quantizer.search(queries, 1)[0][:, 0]

    def chosen(self, queries: Vectors, k: int, gap: float, counts: Counts, far: Far | None = None) -> tuple[Slots, Vectors]:
        """The cells to look in for each query, and its products with their centroids; shape (queries, most of one), NOBODY beyond.

        Nobody at all for a query that lies apart from all rows: so many cells are about as near to it that scanning costs no more.

        Args:
            queries: Shape (queries, dimension).
            k: How many rows are wanted.
            gap: How much less near than the cell by which so many are seen another may be, in units of what two cells are apart.
            counts: Of the rows that may be found, by cell.
            far: What is otherwise for questions that are less near.
        """
        products, cells = self._file.quantizer.search(queries, min(_FIRST_LOOK, self.number))
        gaps = np.full((len(queries), 1), gap) if far is None else np.where(products[:, :1] < far.below, max(gap, far.gap), gap)
        gaps *= self._unlike
        within = products >= products[:, :1] - gaps
        if within[:, -1].any() or (counts[cells[:, 0]] < k).any():
            return self._chosen_of_all(queries, k, gaps, counts)
        most = np.count_nonzero(within.any(axis=0))  # at least one: a gap is above 0
        return np.where(within[:, :most], cells[:, :most], NOBODY), products[:, :most]

    def _chosen_of_all(self, queries: Vectors, k: int, gaps: npt.NDArray[np.float64], counts: Counts) -> tuple[Slots, Vectors]:
        products, cells = self._file.quantizer.search(queries, self.number)
        seen = np.cumsum(counts[cells], axis=1)
        last = np.argmax(seen >= np.minimum(k, seen[:, -1:]), axis=1)
        enough = products[np.arange(len(cells)), last]
        floor = enough - _FURTHER * (products[:, 0] - enough) - gaps[:, 0]
        within = np.count_nonzero(products >= floor[:, None], axis=1)
        within[within > max(_FEWEST, self.number // _APART)] = 0
        most = max(1, int(within.max()))
        return np.where(np.arange(most) < within[:, None], cells[:, :most], NOBODY), products[:, :most]

    def nearest(self, queries: Vectors, k: int, effort: Effort, counts: Counts, allowed: Bits | None = None) -> Slots:
        """About the nearest rows of each query, nearest first; shape (queries, finds), NOBODY where there are no more.

        Args:
            queries: Shape (queries, dimension), at least one.
            k: How many are wanted; more are found, so that they are among them.
            effort: How far to look.
            counts: Of what is wanted, by cell.
            allowed: What is wanted; everything if None.
        """
        found = list[Slots]()
        for at in range(0, len(queries), _SOUGHT_AT_ONCE):
            part = queries[at : at + _SOUGHT_AT_ONCE]
            cells, products = self.chosen(part, k, effort.gap, counts, effort.far)
            times = _finds(cells, products, effort)
            if times is None:
                found.append(self.look(part, cells, products, effort.finds, allowed))
            else:
                found.append(self._looked(part, cells, products, times * effort.finds, allowed))
        return found[0] if len(found) == 1 else np.concatenate(padded(found))

    def _looked(self, queries: Vectors, cells: Slots, products: Vectors, finds: Counts, allowed: Bits | None) -> Slots:
        """As `look`, with finds of its own for each query: those that want as many are looked for together, and others no further."""
        slots = np.empty((len(queries), 0), np.int64)
        for each in np.unique(finds):
            those = np.flatnonzero(finds == each)
            most = max(1, np.count_nonzero((cells[those] != NOBODY).any(axis=0)))
            found = self.look(queries[those], cells[those, :most], products[those, :most], int(each), allowed)
            slots = replaced(slots, those, found)
        return slots

    def look(self, queries: Vectors, cells: Slots, products: Vectors, finds: int, allowed: Bits | None = None) -> Slots:
        """About the nearest rows of each query in the cells that `chosen` gave, shape (queries, finds), NOBODY where there are no more."""
        with self._free:
            self._file.nprobe = cells.shape[1]
            if allowed is None:
                return self._file.search_preassigned(queries, finds, cells, products)[1]
            # faiss takes no mask beside chosen cells: each query looks in as many as the one that wants most.
            asked = faiss.IVFSearchParameters()
            asked.nprobe, asked.sel = cells.shape[1], faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(allowed))
            found = self._file.search(queries, finds, params=asked)[1]
        found[(cells == NOBODY).all(axis=1)] = NOBODY
        return found

    def write(self, path: Path) -> None:
        """Write it down. Searches may go on; whoever adds is to wait."""
        faiss.write_index(self._file, str(path))

    @classmethod
    def read(cls, stored: Stored, covers: int) -> Self:
        """What was written down.

        Raises:
            IndexError, RuntimeError, ValueError: it was something else.
        """
        read = cls(cast("faiss.IndexIVF", faiss.read_index(str(stored.path))))
        cells = np.full(covers, read.number, np.int32)
        for cell in range(read.number):
            cells[read._within(cell)] = cell
        read._cell_of = Growing(cells)
        read.covers, read.stored = covers, (stored, covers)
        return read

    def _within(self, cell: int) -> Slots:
        lists = self._file.invlists
        if lists is None or not (count := lists.list_size(cell)):
            return np.empty(0, np.int64)
        return faiss.rev_swig_ptr(lists.get_ids(cell), count)

    @contextmanager
    def _at_work(self) -> Generator[None]:
        self.busy = True
        try:
            yield
        finally:
            self.busy = False


def _finds(cells: Slots, products: Vectors, effort: Effort) -> Counts | None:
    """How many times the usual finds each query has; None where all have the usual."""
    wide, far = cells.shape[1] > _WIDE * effort.cells, effort.far
    unlike = None if far is None else products[:, 0] < far.below
    if not wide and (unlike is None or not unlike.any()):
        return None
    times = np.where(np.count_nonzero(cells != NOBODY, axis=1) > _WIDE * effort.cells, _FINDS_OF_WIDE, 1)
    if unlike is not None:
        times[unlike & (cells[:, 0] != NOBODY)] = _FINDS_OF_UNLIKE
    return times


def as_bits(allowed: npt.NDArray[np.bool_]) -> Bits:
    """The same mask, with eight slots to a byte."""
    return np.packbits(allowed, bitorder="little")


def fitting(rows: int) -> int:
    """How many cells are right for so many rows."""
    return max(1, math.isqrt(int(_NUMBER * _NUMBER * rows)))


def sample(rows: int, number: int) -> Slots:
    """Which of so many rows to make so many cells from, ascending."""
    return np.sort(np.random.default_rng(0).choice(rows, min(rows, _MOST_SAMPLE, _SAMPLE * number), replace=False))
