"""What makes later searches faster, one step at a time: sealing the tail, merging segments, making hollow ones anew, growing the graph.

A step is worked out beside everything else and then only put in place. How much is done follows from who adds and who searches.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tandem_memory.index.arrangement import TAIL, alike, arranged, astray, hollow
from tandem_memory.index.looks.graph import Graph, scale
from tandem_memory.index.looks.segment import Segment
from tandem_memory.index.rows import Slots
from tandem_memory.index.view import View

Step = Callable[[View], View]

QUIET_S = 0.25  # without an add for so long, the graph may have the processor
PEACE_S = 10.0  # without an add for so long, what is worth its while only once may be done
SOUGHT_S = 1.0  # without a search for so long, nobody is known to gain by any of this, and who adds comes first

_SHORT = 64  # rows: a tail as short as this stays; every batch of searches reads all of it, which costs more than what it computes
_LONG, _MANY = 8 * TAIL, 32  # rows of a tail, and segments beyond one for each owner, while others add and nobody searches
_ALIKE, _ALIKE_IN_PEACE = 2, 8  # times the size of the smaller of two segments that are merged
_GRAPH_FROM = 1 << 15  # rows: below, scanning all costs no more than walking
_GRAPH_SAMPLE = 4096  # rows that its scale is taken from
_SLICE = 32  # rows at a time, 10 to 30 ms
_BEHIND, _HOPELESS = 4096, 1 << 15  # rows that the graph lacks: from here it grows while others add, and here it waits until they stop
_REST = 9  # times what a slice took it rests, at least, where others add and nobody searches
_HOLLOW = 0.3  # part of the graph that may be removed records before it is begun anew


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
    if view.dead != view.solid:
        emptied = hollow(view.segments, view.columns)
        return _replace(view, (emptied,)) if emptied is not None else lambda now: replace(now, solid=view.dead)
    if traffic.peace and view.arrangement != view.tidy:
        strays = astray(view.segments, view.columns)
        return _replace(view, strays) if strays else lambda now: replace(now, tidy=view.arrangement)
    return _grow(view, traffic)


def _to_be_merged(segments: Sequence[Segment], traffic: Traffic) -> tuple[Segment, Segment] | None:
    if traffic.pressed and len(segments) - len({segment.owner for segment in segments}) < _MANY:
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


def _grow(view: View, traffic: Traffic) -> Step | None:
    """A slice of the graph. It is added to in place: searches leave out what is beyond what it covers."""
    graph = view.graph
    if graph is None:
        if view.sealed < _GRAPH_FROM:
            return None
        return _begin(view)
    if len(graph) - _alive_below(view, graph.covers) > _HOLLOW * len(graph) and traffic.quiet:
        return _begin(view)
    behind = view.sealed - graph.covers
    if behind == 0 or not (traffic.quiet or _BEHIND <= behind <= _HOPELESS):
        return None
    began_s = time.monotonic()
    if traffic.pressed and behind < _HOPELESS // 2 and began_s < graph.rests_until_s:
        return None
    last = min(graph.covers + _SLICE, view.sealed)
    slots = _alive(view, np.arange(graph.covers, last))
    graph.add(slots, view.rows.take(slots))
    graph.covers, ended_s = last, time.monotonic()
    graph.rests_until_s = ended_s + _REST * (ended_s - began_s)
    return lambda now: now


def _begin(view: View) -> Step:
    chosen = np.random.default_rng(0).choice(view.sealed, min(view.sealed, _GRAPH_SAMPLE), replace=False)
    graph = Graph(view.rows.dimension, scale(view.rows.take(np.sort(chosen))))
    return lambda now: replace(now, graph=graph)


def _alive(view: View, slots: Slots) -> Slots:
    return slots[view.columns.alive.first(view.count)[slots]]


def _alive_below(view: View, covers: int) -> int:
    return int(np.count_nonzero(view.columns.alive.first(covers)))
