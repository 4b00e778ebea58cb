"""The index of one namespace: who writes, who reads, and what they are shown.

One thread adds, removes and judges; any number search. What a search sees is a value (`View`) that is replaced, never changed,
so that nobody waits: neither a writer for a reader nor a reader for anybody, but for milliseconds at the cells.
"""

import math
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter, Record

from tandem_memory.index import compaction, upkeep
from tandem_memory.index.fields.columns import Columns, Positions, utility
from tandem_memory.index.fields.facts import Facts, facts
from tandem_memory.index.kept import snapshot
from tandem_memory.index.looks.search import at_hand, matching, search, without_digest
from tandem_memory.index.looks.selection import Remembered
from tandem_memory.index.rows import Rows, Vectors, unit
from tandem_memory.index.view import View


class Index:
    """Finds records by nearness and by their fields.

    Positions ascend in the order that records are added; adding, removing or judging again what was before changes nothing, so
    that a log may be replayed from any earlier point.

    Args:
        dimension: Components of a vector.

    Attributes:
        covers: The position up to which everything in the log is in here; set by the writer once that is so.
    """

    def __init__(self, dimension: int) -> None:
        self._view = View(rows=Rows(dimension), columns=Columns())
        self._remembered = Remembered()
        self._writing = threading.Lock()
        self._arranging = threading.Lock()
        self._added_at = time.monotonic()
        self._sought_at = -math.inf
        self.covers = 0

    def __len__(self) -> int:
        view = self._view
        return view.count - view.dead

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return self._view.rows.dimension

    def add(self, positions: Positions, vectors: Vectors, records: Sequence[Record]) -> None:
        """Take in records; every search that begins from now on considers them.

        Args:
            positions: Ascending; those up to the last one that was added are left out.
            vectors: Shape (records, dimension), finite, of any length.
            records: What filters ask about.
        """
        rows = unit(vectors)
        with self._writing:
            view = self._view
            fresh = 0
            if view.count:
                last = view.columns.position.first(view.count)[view.count - 1 :]
                fresh = int(np.searchsorted(positions, last, "right")[0])
            view.rows.extend(rows[fresh:])
            view.columns.extend(positions[fresh:], records[fresh:])
            self._view = replace(view, count=len(view.columns))
            self._added_at = time.monotonic()

    def remove(self, positions: Collection[int]) -> None:
        """Take out records; those that are not there are left out."""
        with self._writing:
            view = self._view
            slots = np.unique(view.columns.slots(positions, view.count))
            going = slots[view.columns.alive.first(view.count)[slots]]
            view.columns.alive.put(going, values=False)
            self._view = replace(view, dead=view.dead + len(going))

    def judge(self, position: int, times: int, gain: float) -> None:
        """Set what is known of the use of a record: how often, and the sum of the gains."""
        with self._writing:
            view = self._view
            slots = view.columns.slots((position,), view.count)
            view.columns.times.put(slots, times)
            view.columns.gain.put(slots, gain)
            view.columns.utility.put(slots, utility(times, gain))
            self._view = replace(view, judged=view.judged + 1)

    def search(self, queries: Vectors, k: int, wanted: Filter) -> list[list[tuple[int, float]]]:
        """For each of `queries`, shape (queries, dimension), its k nearest records that match: position and cosine, nearest first."""
        self._sought_at = time.monotonic()
        return search(self._view, unit(queries), k, wanted, self._remembered)

    def kind(self, wanted: Filter) -> int:
        """A number for all searches that take about as long as one for it."""
        return hash(without_digest(wanted).SerializeToString(deterministic=True))

    def at_hand(self, wanted: Filter) -> bool:
        """Whether a search for it finds at hand what matches, and the cells free; in a rare moment it may wait all the same."""
        return at_hand(self._view, wanted, self._remembered)

    def matching(self, wanted: Filter) -> Positions:
        """Positions of all records that match, ascending."""
        view = self._view
        return view.columns.position.first(view.count)[matching(view, wanted)]

    def columns(self, positions: Collection[int] | Positions) -> Facts:
        """Fields of those of `positions` that are there, ascending."""
        view = self._view
        slots = np.sort(view.columns.slots(positions, view.count))
        return facts(view.columns, slots[view.columns.alive.first(view.count)[slots]])

    def upkeep(self) -> bool:
        """Do a slice of the work that makes later searches faster; whether there may be more now. For any one thread, beside all others."""
        with self._arranging:
            now_s = time.monotonic()
            traffic = upkeep.Traffic(since_added_s=now_s - self._added_at, since_sought_s=now_s - self._sought_at)
            step = upkeep.step(self._view, traffic)
            if step is None:
                return False
            with self._writing:
                self._view = step(self._view)
            return True

    @property
    def outgrown(self) -> bool:
        """Whether the last snapshot is much older than the cells: a start from it would fill again what is filled here already."""
        cells = self._view.kept_cells
        return cells is not None and snapshot.outgrown(cells)

    def save(self, folder: Path) -> None:
        """Write down all that is here, and let the kernel keep the rows from now on. For any one thread, beside all others.

        Raises:
            OSError: no new snapshot is there; the one before still is, and what is left of this one goes with the next that is written.
        """
        with self._arranging:
            if compaction.worthwhile(self._view):
                self._compact(folder)
            covers, view = self.covers, self._view  # in this order: a snapshot may hold more than it says, never less
            settled = snapshot.save(folder, view, covers)
            with self._writing:
                self._view = replace(self._view, rows=self._view.rows.settle(settled, view.count))

    def _compact(self, folder: Path) -> None:
        prepared = compaction.prepare(self._view, folder)
        with self._writing:
            self._view = compaction.compacted(self._view, prepared)

    @classmethod
    def load(cls, folder: Path, dimension: int) -> Self:
        """The index that was written into `folder`; the log has to be replayed from `covers` on.

        Raises:
            SnapshotError: there is none, or not as it was written.
        """
        read = snapshot.load(folder, dimension)
        index = cls(dimension)
        index._view, index.covers = read.view, read.covers  # its own class
        return index
