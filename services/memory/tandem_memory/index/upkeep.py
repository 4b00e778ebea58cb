"""What makes later searches faster, one step at a time: sealing the tail, merging segments, making hollow ones anew, filling cells.

A step is worked out beside everything else and then only put in place. How much is done follows from who adds and who searches.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tandem_memory.index.arrangement import TAIL, alike, arranged, astray, growing, hollow, oversized
from tandem_memory.index.looks import measuring
from tandem_memory.index.looks.cells import Cells, fitting, sample
from tandem_memory.index.looks.segment import Segment
from tandem_memory.index.rows import Slots
from tandem_memory.index.view import View

Step = Callable[[View], View]

QUIET_S = 0.25  # without an add for so long, cells may have the processor
PEACE_S = 10.0  # without an add for so long, what is worth its while only once may be done
SOUGHT_S = 1.0  # without a search for so long, nobody is known to gain by any of this, and who adds comes first

_SHORT = 64  # rows: a tail as short as this stays; every batch of searches reads all of it, which costs more than what it computes
_LONG, _MANY = 8 * TAIL, 32  # rows of a tail, and segments beyond one for each owner, while others add and nobody searches
_ALIKE, _ALIKE_IN_PEACE = 2, 8  # times the size of the smaller of two segments that are merged
_CELLS_FROM = 1 << 15  # rows: below, scanning all costs no more
_SLICE = 256  # rows at a time, 10 to 30 ms
_BEHIND = 4096  # rows that cells lack: from here they are filled while others add
_REST = 9  # times what a slice took it rests, at least, where others add and nobody searches
_HOLLOW = 0.3  # part of what is in cells that may be removed records before they are made anew
_FINER = 1.4  # times as many cells as there are would be right: they are made anew, at about each doubling of rows
_GROWN, _GROWN_QUIETLY = 1.5, 1.1  # times the rows that they covered when it was measured how far to look in them: it is measured again


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """For how many seconds nobody has added anything, and nobody has searched."""

    since_added_s: float
    since_sought_s: float

    @property
    def quiet(self) -> bool:
        """Nobody adds."""
        return self.since_added_s > QUIET_S

    @property
    def peace(self) -> bool:
        """Nobody adds, nor is likely to go on in a moment."""
        return self.since_added_s > PEACE_S

    @property
    def pressed(self) -> bool:
        """Somebody adds and nobody searches."""
        return not self.quiet and self.since_sought_s > SOUGHT_S


def step(view: View, traffic: Traffic) -> Step | None:
    """The next thing to do, done but for putting it in place; None when there is nothing now."""
    if view.count - view.sealed >= (_SHORT if traffic.quiet else _LONG if traffic.pressed else TAIL):
        return _seal(view)
    pair = _to_be_merged(view.segments, traffic)
    if pair is not None:
        return _replace(view, pair)
    if (large := oversized(view.segments)) is not None:
        return _replace(view, (large,))
    if view.dead != view.solid:
        emptied = hollow(view.segments, view.columns)
        return _replace(view, (emptied,)) if emptied is not None else lambda now: replace(now, solid=view.dead)
    if traffic.peace and view.arrangement != view.tidy:
        strays = astray(view.segments, view.columns)
        return _replace(view, strays) if strays else lambda now: replace(now, tidy=view.arrangement)
    return _fill(view, traffic)


def _to_be_merged(segments: Sequence[Segment], traffic: Traffic) -> tuple[Segment, Segment] | None:
    if traffic.pressed and growing(segments) < _MANY:
        return None
    return alike(segments, _ALIKE_IN_PEACE if traffic.peace else _ALIKE)


def _seal(view: View) -> Step:
    last = view.count
    segments = tuple(arranged(view.rows, view.columns, _alive(view, np.arange(view.sealed, last))))
    return lambda now: replace(now, sealed=last, segments=(*now.segments, *segments), arrangement=now.arrangement + 1)


def _replace(view: View, old: Sequence[Segment]) -> Step:
    slots = np.sort(np.concatenate([segment.slots for segment in old]))
    new = tuple(arranged(view.rows, view.columns, _alive(view, slots)))
    kept = tuple(segment for segment in view.segments if segment not in old)
    return lambda now: replace(now, segments=(*kept, *new), arrangement=now.arrangement + 1)


def _fill(view: View, traffic: Traffic) -> Step | None:
    """Fill cells by a slice, or, when there is nothing to fill now, measure how far to look in them, which may take seconds.

    They are added to in place: searches leave out what is beyond what they cover. Those that are to replace others wait while others add.
    """
    cells = view.cells if view.coming is None or (view.cells is not None and not traffic.quiet) else view.coming
    if cells is None:
        return _begin(view) if view.sealed >= _CELLS_FROM else None
    if traffic.quiet and _worn(view, cells):
        return _begin(view)
    behind, began_s = view.sealed - cells.covers, time.monotonic()
    if not behind or not (traffic.quiet or behind >= _BEHIND) or (traffic.pressed and began_s < cells.rests_until_s):
        return _measure(view, cells, traffic)
    last = min(cells.covers + _SLICE, view.sealed)
    slots = _alive(view, np.arange(cells.covers, last))
    cells.add(slots, view.rows.take(slots))
    cells.covers, ended_s = last, time.monotonic()
    cells.rests_until_s = ended_s + _REST * (ended_s - began_s)
    return lambda now: now


def _begin(view: View) -> Step | None:
    """Cells with nothing in them. Of a million rows their centroids take ten seconds, in which nothing else is arranged."""
    alive = _alive(view, np.arange(view.sealed))
    if len(alive) < _CELLS_FROM:
        if view.cells is None and view.coming is None:
            return None
        return lambda now: replace(now, cells=None, coming=None)
    number = fitting(len(alive))
    coming = Cells.around(view.rows.take(alive[sample(len(alive), number)]), number)
    return lambda now: replace(now, coming=coming)


def _worn(view: View, cells: Cells) -> bool:
    """Whether they hold too much that was removed, or are too few for what is there."""
    gone = cells.rows - _alive_below(view, cells.covers)
    return gone > _HOLLOW * max(cells.rows, _CELLS_FROM) or fitting(_alive_below(view, view.sealed)) > _FINER * cells.number


def _measure(view: View, cells: Cells, traffic: Traffic) -> Step | None:
    """How far to look in cells that have grown; those that come are where searches see them from then on."""
    least = (_GROWN_QUIETLY if traffic.quiet else _GROWN) * cells.measured
    if cells is view.coming:
        least = view.sealed - _BEHIND if view.cells is None else view.cells.covers
    if cells.covers < least or cells.covers == cells.measured:
        return None
    cells.reach, cells.measured = measuring.reach(view, cells), cells.covers
    return (lambda now: replace(now, cells=cells, coming=None)) if cells is view.coming else lambda now: now


def _alive(view: View, slots: Slots) -> Slots:
    return slots[view.columns.alive.first(view.count)[slots]]


def _alive_below(view: View, covers: int) -> int:
    return int(np.count_nonzero(view.columns.alive.first(covers)))
