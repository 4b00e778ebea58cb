"""Which of the sealed rows a filter admits, in the forms that searches need; remembered, since workers ask with the same few filters.

A selection holds for one arrangement of segments and until a record is removed (or judged, if the filter asks about that).
"""

import threading
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index.fields.condition import Condition, Mask
from tandem_memory.index.looks.cells import Bits, Cells, Counts, as_bits
from tandem_memory.index.looks.segment import Segment
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.view import View

MULTIPLIED = 2048  # matches that are multiplied one by one: about as fast as a segment of so many
_SPARSE = 0.125  # of a segment: a row of it is scanned in a sixth of the time in which one is multiplied, and the query is rotated before
_GROWN = 1.1  # times what cells covered: what is in them is counted again
_REMEMBERED = 16  # filters; each costs at most a byte or two for a row, and MULTIPLIED float rows (3 MB of 384 dimensions)


class Selection:
    """The sealed slots whose records are there and as wanted.

    Attributes:
        allowed: For each sealed slot whether it is one.
        count: How many are.
        everything: Whether all sealed slots are.
    """

    def __init__(self, view: View, condition: Condition) -> None:
        self._view = replace(view, cells=None, coming=None)  # which are large, and may be replaced while this is remembered
        self.allowed = condition.passing(0, view.sealed)
        self.everything = condition.open and view.dead == 0
        self.count = view.sealed if self.everything else int(np.count_nonzero(self.allowed))
        self._among = WeakKeyDictionary[Cells, tuple[int, Counts, float]]()

    @cached_property
    def bits(self) -> Bits:
        """The same as `allowed`."""
        return as_bits(self.allowed)

    def counts(self, cells: Cells) -> Counts:
        """How many of them are in each cell. While cells are filled it may be from when they covered up to a tenth less."""
        return self._within(cells)[1]

    def share(self, cells: Cells) -> float:
        """How much that is of all that is in cells, above 0 and at most 1."""
        return self._within(cells)[2]

    def _within(self, cells: Cells) -> tuple[int, Counts, float]:
        covers, known = cells.covers, self._among.get(cells)
        if known is None or known[0] < covers >= min(_GROWN * known[0], self._view.sealed):
            counts = cells.counts(self.allowed)
            known = self._among[cells] = covers, counts, min(1.0, max(1, int(counts.sum())) / max(1, cells.rows))
        return known

    @cached_property
    def few(self) -> tuple[Slots, Vectors]:
        """The slots and copies of their rows; for at most MULTIPLIED."""
        slots = np.flatnonzero(self.allowed)
        return slots, self._view.rows.take(slots)

    @property
    def parts(self) -> tuple[tuple[Segment, Mask | None], ...]:
        """Segments that hold many of them, each with a mask; None where all of it is allowed."""
        return self._divided[0]

    @cached_property
    def scanned(self) -> int:
        """Rows of these segments."""
        return sum(len(segment.slots) for segment, _ in self.parts)

    @property
    def scattered(self) -> Slots:
        """The other slots, each among many that are not allowed; at most MULTIPLIED."""
        return self._divided[1]

    @cached_property
    def scattered_rows(self) -> Vectors:
        """Copies of their rows."""
        return self._view.rows.take(self.scattered)

    @cached_property
    def _divided(self) -> tuple[tuple[tuple[Segment, Mask | None], ...], Slots]:
        """To scan a segment, of many sources say, for a few of its rows costs more than to multiply those."""
        parts, scattered, left = list[tuple[Segment, Mask | None]](), [np.empty(0, np.int64)], MULTIPLIED
        for segment in self._view.segments:
            mask = None if self.everything else self.allowed[segment.slots]
            count = len(segment.slots) if mask is None else int(np.count_nonzero(mask))
            if mask is not None and 0 < count <= min(left, _SPARSE * len(mask)):
                scattered.append(segment.slots[mask])
                left -= count
            elif count:
                parts.append((segment, None if count == len(segment.slots) else mask))
        return tuple(parts), np.concatenate(scattered)


class Remembered:
    """The selections of the last filters. A lock is held to look one up, never while one is made or used."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[tuple[int, ...], Selection]] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, view: View, wanted: Filter, condition: Condition) -> bool:
        """Whether that need not be made."""
        known = self._known.get(_key(wanted))
        return known is not None and known[0] == _stamp(view, condition)

    def selection(self, view: View, wanted: Filter, condition: Condition) -> Selection:
        """What `wanted` selects of `view`."""
        key, stamp = _key(wanted), _stamp(view, condition)
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] == stamp:
                self._known.move_to_end(key)
                return known[1]
        made = Selection(view, condition)
        with self._lock:
            self._known[key] = stamp, made
            self._known.move_to_end(key)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return made


def _key(wanted: Filter) -> bytes:
    return wanted.SerializeToString(deterministic=True)


def _stamp(view: View, condition: Condition) -> tuple[int, ...]:
    return view.arrangement, view.dead, view.judged if condition.of_use else 0
