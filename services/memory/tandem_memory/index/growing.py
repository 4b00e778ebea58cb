"""Arrays that only grow at their end, so that whoever knows how many entries count may read them without a lock.

Growth doubles into a new array and leaves the old one as it is: a reader goes on with what it holds. One thread writes.
"""

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Kind = TypeVar("Kind", bound=np.generic)

_SMALLEST = 64  # entries; a namespace with a handful of records should cost next to nothing


class Growing(Generic[Kind]):
    """An array of one or two dimensions that grows along its first.

    Args:
        data: What it begins with; not copied, and never written to where it is not ours to write.
    """

    __slots__ = ("_count", "_data", "_owned")

    def __init__(self, data: npt.NDArray[Kind]) -> None:
        self._data = data
        self._count = len(data)
        self._owned = False

    def __len__(self) -> int:
        return self._count

    def extend(self, values: npt.NDArray[Kind]) -> None:
        """Add entries; they count for readers once they are told a higher count."""
        end = self._count + len(values)
        if end > len(self._data):
            self._grow(max(end, 2 * len(self._data), _SMALLEST))
        self._data[self._count : end] = values
        self._count = end

    def first(self, count: int) -> npt.NDArray[Kind]:
        """The first `count` entries, as a view."""
        return self._data[:count]

    def put(self, where: npt.NDArray[np.int64], values: npt.ArrayLike) -> None:
        """Overwrite entries. Readers see each change at once or, when they hold an array from before growth, not at all."""
        if not self._owned:
            self._grow(max(len(self._data), _SMALLEST))
        self._data[where] = values

    def _grow(self, capacity: int) -> None:
        grown = np.empty((capacity, *self._data.shape[1:]), self._data.dtype)
        grown[: self._count] = self._data[: self._count]
        self._data, self._owned = grown, True
