"""The float rows: unit vectors, in the order they came; the older ones in a file that the kernel may page out, the newer in memory.

A row is divided by its length once. A vector of zeros, which has no direction, stays zero: its similarity to anything is 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tandem_memory.index.growing import Growing

Vectors = npt.NDArray[np.float32]
Slots = npt.NDArray[np.int64]
_TINY = np.finfo(np.float64).tiny


def unit(vectors: Vectors) -> Vectors:
    """`vectors`, shape (n, d), each divided by its length; zeros stay.

    Squares of very large or very small components would leave float32, and none leaves float64.
    """
    wide = vectors.astype(np.float64)
    wide /= np.maximum(np.sqrt(np.vecdot(wide, wide))[:, None], _TINY)
    return wide.astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Rows that are in a file.

    Attributes:
        path: The file.
        rows: Shape (n, d), mapped from it; read only.
        sums: Checksum of each block of them.
    """

    path: Path
    rows: Vectors
    sums: tuple[int, ...]


class Rows:
    """Unit vectors by slot. One thread appends; readers never go beyond the count that they were told.

    Args:
        dimension: Components of a row.
        settled: The first rows, if they are in a file already.
    """

    __slots__ = ("_fresh", "_old", "settled")

    def __init__(self, dimension: int, settled: Settled | None = None) -> None:
        self.settled = settled
        self._old = np.empty((0, dimension), np.float32) if settled is None else settled.rows
        self._fresh = Growing(np.empty((0, dimension), np.float32))

    def __len__(self) -> int:
        return len(self._old) + len(self._fresh)

    @property
    def dimension(self) -> int:
        """Components of a row."""
        return self._old.shape[1]

    def settle(self, settled: Settled, since: int) -> "Rows":
        """What is in a file, and behind it the rows from slot `since` on."""
        moved = Rows(self.dimension, settled)
        for _, run in self.runs(since, len(self), max(len(self), 1)):
            moved.extend(run)
        return moved

    def extend(self, rows: Vectors) -> None:
        """Add unit vectors at the end."""
        self._fresh.extend(rows)

    def take(self, slots: Slots) -> Vectors:
        """The rows at `slots`, shape (len(slots), d), as a copy."""
        border = len(self._old)
        if border == 0:
            return self._fresh.first(len(self._fresh)).take(slots, axis=0)  # in 2/3 of the time that indexing by slots takes
        if not len(self._fresh):
            return self._old.take(slots, axis=0)
        taken = np.empty((len(slots), self.dimension), np.float32)
        old = slots < border
        taken[old] = self._old.take(slots[old], axis=0)
        taken[~old] = self._fresh.first(len(self._fresh)).take(slots[~old] - border, axis=0)
        return taken

    def runs(self, first: int, last: int, most: int) -> Iterator[tuple[int, Vectors]]:
        """The rows from `first` to before `last` as (slot of its first row, rows) of at most `most` rows, without copying."""
        border = len(self._old)
        for begin, end, rows in (
            (first, min(last, border), self._old),
            (max(first, border), last, self._fresh.first(max(last - border, 0))),
        ):
            shift = 0 if rows is self._old else border
            for at in range(begin, end, most):
                yield at, rows[at - shift : min(at + most, end) - shift]
