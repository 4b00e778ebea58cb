"""What makes later searches faster, one step at a time: sealing the tail, merging segments, making hollow ones anew, growing the graph.

A step is worked out beside everything else and then only put in place.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tandem_memory.index.arrangement import TAIL, alike, arranged, astray, hollow
from tandem_memory.index.looks.graph import Graph, scale
from tandem_memory.index.looks.segment import Segment
from tandem_memory.index.rows import Slots
from tandem_memory.index.view import View

Step = Callable[[View], View]

QUIET_S = 0.25  # without an add for so long, the graph may have the processor
SOUGHT_S = 1.0  # without a search for so long, nobody is known to gain by the graph, and who adds comes first

_SHORT = 64  # rows: a tail as short as this stays; every batch of searches reads all of it, which costs more than what it computes
_LONG, _MANY = 8 * TAIL, 32  # rows of a tail, and segments, while others add and nobody searches
_ALIKE, _ALIKE_IN_PEACE = 2, 8  # times the size of the smaller of two segments that are merged
_GRAPH_FROM = 1 << 15  # rows: below, scanning all costs no more than walking
_GRAPH_SAMPLE = 4096  # rows that its scale is taken from
_SLICE = 32  # rows at a time, about 10 ms
_BEHIND, _HOPELESS = 4096, 1 << 15  # rows that the graph lacks: from here it grows while others add, and here it waits until they stop
_REST = 9  # times what a slice took it rests, where others add and nobody searches: a thousand rows take a second of a processor
_HOLLOW = 0.3  # part of the graph that may be removed records before it is begun anew


def step(view: View, *, quiet: bool, sought: bool) -> Step | None:
    """The next thing to do, done but for putting it in place; None when there is nothing now.

    Args:
        view: The index.
        quiet: Nobody has added anything lately.
        sought: Somebody has searched lately.
    """
    pressed = not (quiet or sought)
    if view.count - view.sealed >= (_SHORT if quiet else _LONG if pressed else TAIL):
        return _seal(view)
    pair = None if pressed and len(view.segments) < _MANY else alike(view.segments, _ALIKE_IN_PEACE if quiet else _ALIKE)
    if pair is not None:
        return _replace(view, pair)
    if view.dead != view.solid:
        emptied = hollow(view.segments, view.columns)
        return _replace(view, (emptied,)) if emptied is not None else lambda now: replace(now, solid=view.dead)
    if quiet and view.arrangement != view.tidy:
        strays = astray(view.segments, view.columns)
        return _replace(view, strays) if strays else lambda now: replace(now, tidy=view.arrangement)
    return _grow(view, quiet=quiet, pressed=pressed)


def _seal(view: View) -> Step:
    last = view.count
    segments = tuple(arranged(view.rows, view.columns, _alive(view, np.arange(view.sealed, last))))
    return lambda now: replace(now, sealed=last, segments=(*now.segments, *segments), arrangement=now.arrangement + 1)


def _replace(view: View, old: Sequence[Segment]) -> Step:
    slots = np.sort(np.concatenate([segment.slots for segment in old]))
    new = tuple(arranged(view.rows, view.columns, _alive(view, slots)))
    kept = tuple(segment for segment in view.segments if segment not in old)
    return lambda now: replace(now, segments=(*kept, *new), arrangement=now.arrangement + 1)


def _grow(view: View, *, quiet: bool, pressed: bool) -> Step | None:
    """A slice of the graph. It is added to in place: searches leave out what is beyond what it covers."""
    graph = view.graph
    if graph is None:
        if view.sealed < _GRAPH_FROM:
            return None
        return _begin(view)
    if len(graph) - _alive_below(view, graph.covers) > _HOLLOW * len(graph) and quiet:
        return _begin(view)
    behind = view.sealed - graph.covers
    if behind == 0 or not (quiet or _BEHIND <= behind <= _HOPELESS):
        return None
    began_s = time.monotonic()
    if pressed and began_s < graph.rests_until_s:
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
