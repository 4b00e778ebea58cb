"""A graph over the rows for searches among all of them: the work grows with the logarithm of their number.

The graph is HNSW (Malkov and Yashunin, arXiv 1603.09320) by usearch, over rows rounded to 8 bits: it says where to look, and what
it finds is measured by the float rows. usearch lets the interpreter go while it works, and lets one thread at a time at a graph: adding
and searching never meet, and both are done a few rows at a time.
"""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from usearch.index import BatchMatches
from usearch.index import Index as Hnsw

from tandem_memory.index.looks.near import NOBODY
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.stored import Stored

_CONNECTIVITY = 32  # links of a node, twice that on the lowest level: with 16 a walk among 300,000 rows has to find 100 in place of 40
_EXPANSION_ADD = 160  # candidates for them: with 100 rows are added in 3/4 of the time, but a search must look at half as many again
_LARGEST = 127
_ADDED_AT_ONCE, _SOUGHT_AT_ONCE = 4, 16  # rows and queries: each about 1 to 4 ms, for which others wait
_HANDS, _LONG = min(2, os.cpu_count() or 1), 50  # threads for walks that look for so many rows: to begin one takes as long as a short walk
_UNTIL_SEEN_S = 0.005  # who has seen that the graph is free has begun by then, or is through


class Graph:
    """Finds rows near a query among those that were added.

    Args:
        dimension: Components of a row.
        scale: What a component is multiplied with before it is rounded to 8 bits.

    Attributes:
        busy: It is added to or written down: who searches may have to wait.
        covers: Every row below this slot that was there is in it.
        rests_until_s: By the clock `time.monotonic`; until then it need not grow where nobody waits for it.
        stored: Where it is written down, and what it covered then.
    """

    __slots__ = ("_hnsw", "busy", "covers", "rests_until_s", "scale", "stored")

    def __init__(self, dimension: int, scale: float) -> None:
        self._hnsw = Hnsw(
            ndim=dimension,
            metric="ip",
            dtype="i8",
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION_ADD,
            expansion_search=1,  # as many candidates as are asked for
            enable_key_lookups=False,
        )
        self.scale, self.covers, self.busy = scale, 0, False
        self.rests_until_s = 0.0
        self.stored: tuple[Stored, int] | None = None

    def __len__(self) -> int:
        return len(self._hnsw)

    def add(self, slots: Slots, rows: Vectors) -> None:
        """Add rows; `covers` is for the caller to move on."""
        rounded = self._rounded(rows)
        with self._at_work():
            for at in range(0, len(slots), _ADDED_AT_ONCE):
                self._hnsw.add(slots[at : at + _ADDED_AT_ONCE].astype(np.uint64), rounded[at : at + _ADDED_AT_ONCE], threads=1)
                time.sleep(0)  # whoever waits for the graph has it now

    def nearest(self, queries: Vectors, wanted: int) -> Slots:
        """About the nearest rows of each query, shape (queries, wanted), NOBODY where there are no more."""
        found, rounded = np.full((len(queries), wanted), NOBODY, np.int64), self._rounded(queries)
        for at in range(0, len(queries), _SOUGHT_AT_ONCE):
            part = slice(at, at + _SOUGHT_AT_ONCE)
            # Together: each call waits for the interpreter when it is back, and others have it for as long as they like.
            matches = self._hnsw.search(rounded[part], wanted, threads=_HANDS if wanted >= _LONG else 1)
            if isinstance(matches, BatchMatches):
                found[part] = matches.keys
                if matches.counts.min() < wanted:
                    found[part][np.arange(wanted) >= matches.counts[:, None]] = NOBODY
            else:  # of one query
                found[at, : len(matches.keys)] = matches.keys
        return found

    def write(self, path: Path) -> None:
        """Write it down; everybody else waits meanwhile."""
        with self._at_work():
            time.sleep(_UNTIL_SEEN_S)
            self._hnsw.save(path)  # pyright: ignore[reportUnknownMemberType]

    @classmethod
    def read(cls, stored: Stored, dimension: int, scale: float, covers: int) -> "Graph":
        """What was written down.

        Raises:
            RuntimeError: it was something else.
        """
        read = cls(dimension, scale)
        read._hnsw.load(stored.path)  # pyright: ignore[reportUnknownMemberType]
        read.covers, read.stored = covers, (stored, covers)
        return read

    @contextmanager
    def _at_work(self) -> Generator[None]:
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def _rounded(self, rows: Vectors) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
        scaled = np.rint(rows * self.scale)
        return np.minimum(np.maximum(scaled, -_LARGEST, out=scaled), _LARGEST, out=scaled).astype(np.int8)  # in half the time of `clip`


def scale(sample: Vectors) -> float:
    """A scale at which next to no component of rows like `sample` is cut off."""
    return _LARGEST / max(float(np.quantile(np.abs(sample), 0.9999)), 1.0 / _LARGEST)
