"""Which rows share a segment, so that a search for one source looks through that source's rows and a search for all through few pieces.

A source with enough rows has segments of its own; the others share. Segments of one owner are merged when they come to be of
like size, so that there are few of them and a row is quantised again at most once for each doubling (O'Neil et al., "The
Log-Structured Merge-Tree", 1996). In peace more is merged, and a source's rows among others come to the rest of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from tandem_memory.index.fields.columns import Columns
from tandem_memory.index.looks.segment import MIXED, MOST, Segment, made
from tandem_memory.index.rows import Rows, Slots

TAIL = 1024  # rows that are searched exactly before they are worth a segment, while others come: 1.5 MB of 384 dimensions to read
_OWN = 1024  # rows of a source that are worth a segment: with fewer, a search for all would start more scans than it is worth
_ASTRAY = 32  # rows are made anew at most for each that comes to its own
_DEAD = 0.25  # part of a segment that may be removed records before it is made again without them


def arranged(rows: Rows, columns: Columns, slots: Slots) -> Iterator[Segment]:
    """Segments for the rows at `slots`, ascending."""
    if not len(slots):
        return
    sources = columns.source.first(int(slots[-1]) + 1)[slots]
    names, counts = np.unique(sources, return_counts=True)
    owning = names[counts >= _OWN]
    for owner in owning.tolist():
        yield from _parts(rows, owner, slots[sources == owner])
    shared = slots[~np.isin(sources, owning)]
    if len(shared):
        yield from _parts(rows, MIXED, shared)


def _parts(rows: Rows, owner: int, slots: Slots) -> Iterator[Segment]:
    """As few segments as hold so many rows, of like size."""
    for part in np.array_split(slots, -(-len(slots) // MOST)):
        yield made(rows, owner, part)


def alike(segments: Sequence[Segment], times: float) -> tuple[Segment, Segment] | None:
    """Two segments of one owner that are to be merged, if there are such: neighbours in size, the larger less than `times` the smaller."""
    by_owner: dict[int, list[Segment]] = {}
    for segment in sorted(segments, key=_size):
        by_owner.setdefault(segment.owner, []).append(segment)
    for own in by_owner.values():
        for small, large in pairwise(own):
            if _size(large) < times * _size(small) and _size(large) + _size(small) <= MOST:
                return small, large
    return None


def growing(segments: Iterable[Segment]) -> int:
    """How many segments there are beyond one for each owner, but for those that are too large for another one of their size."""
    owners = [segment.owner for segment in segments if 2 * _size(segment) <= MOST]
    return len(owners) - len({*owners})


def oversized(segments: Iterable[Segment]) -> Segment | None:
    """A segment with too many rows, which an earlier release made, if there is one."""
    return next((segment for segment in segments if _size(segment) > MOST), None)


def astray(segments: Sequence[Segment], columns: Columns) -> tuple[Segment, ...]:
    """What is to be made anew so that rows in a shared segment come to the rest of their source; none where it would cost too much."""
    smallest = {segment.owner: segment for segment in sorted(segments, key=_size, reverse=True)}
    for shared in segments:
        if shared.owner == MIXED:
            sources = columns.source.first(int(shared.slots[-1]) + 1)[shared.slots]
            names, counts = np.unique(sources, return_counts=True)
            theirs = zip(names.tolist(), counts.tolist(), strict=True)
            joined = [(smallest[name], count) for name, count in theirs if name in smallest and _size(smallest[name]) <= _ASTRAY * count]
            made_anew = _size(shared) + sum(_size(own) for own, _ in joined)
            if joined and made_anew <= _ASTRAY * sum(count for _, count in joined):
                return (shared, *(own for own, _ in joined))
    return ()


def hollow(segments: Iterable[Segment], columns: Columns) -> Segment | None:
    """A segment of which too many records were removed, if there is one."""
    for segment in segments:
        alive = columns.alive.first(int(segment.slots[-1]) + 1)[segment.slots]
        if np.count_nonzero(alive) < (1 - _DEAD) * len(segment.slots):
            return segment
    return None


def _size(segment: Segment) -> int:
    return len(segment.slots)
