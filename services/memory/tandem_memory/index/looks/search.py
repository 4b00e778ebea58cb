"""How a search is carried out: which rows can be found, and which way to look through them is the cheapest.

Few rows are multiplied with the query. Many are looked for roughly, among 4-bit rows or in cells; what is found so is measured
by the float rows, so that a similarity is always exact. Rows that came last are in neither yet and are multiplied.
"""

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.index.fields.columns import digest
from tandem_memory.index.fields.condition import Condition
from tandem_memory.index.looks import exact
from tandem_memory.index.looks.near import NOBODY, ranked
from tandem_memory.index.looks.selection import MULTIPLIED, Remembered, Selection
from tandem_memory.index.looks.ways import by_cells, without_cells, worthwhile
from tandem_memory.index.rows import Slots, Vectors
from tandem_memory.index.view import View

Hits = list[list[tuple[int, float]]]

_SPARE = 8  # finds beyond k, for those that an excluded question takes away


def matching(view: View, wanted: Filter) -> Slots:
    """Slots of all records that match, ascending."""
    return np.flatnonzero(Condition(wanted, view.columns).passing(0, view.count))


def at_hand(view: View, wanted: Filter, remembered: Remembered) -> bool:
    """Whether a search neither has to find out first what matches nor may have to wait for the cells."""
    wanted = without_digest(wanted)
    free = view.cells is None or not view.cells.busy
    return free and remembered.knows(view, wanted, Condition(wanted, view.columns))


def without_digest(wanted: Filter) -> Filter:
    """The filter but for a digest to leave out, which is looked at afterwards."""
    if not wanted.not_source_hash:
        return wanted
    others = Filter()
    others.CopyFrom(wanted)
    others.ClearField("not_source_hash")
    return others


def search(view: View, queries: Vectors, k: int, wanted: Filter, remembered: Remembered) -> Hits:
    """For each of `queries`, unit vectors of shape (queries, dimension), the k nearest that match: position and cosine, nearest first."""
    if not (view.count and len(queries)):
        return [[] for _ in queries]
    near = ranked(view.rows, queries, _candidates(view, queries, k, wanted, remembered), k)
    positions: list[list[int]] = view.columns.position.first(view.count)[near.slots].tolist()
    cosines: list[list[float]] = near.cosines.tolist()
    found = np.count_nonzero(near.slots != NOBODY, axis=1).tolist()
    return [list(zip(row[:count], those[:count], strict=True)) for row, those, count in zip(positions, cosines, found, strict=True)]


def _candidates(view: View, queries: Vectors, k: int, wanted: Filter, remembered: Remembered) -> Slots:
    """Slots that hold all but certainly the k nearest of each query, NOBODY among them; shape (queries, found).

    A digest to leave out is often another for each search, and few records have it: look without, then drop what has it.
    """
    if not wanted.not_source_hash:
        condition = Condition(wanted, view.columns)
        return _found(view, queries, k, condition, remembered.selection(view, wanted, condition))
    found = _candidates(view, queries, k + _SPARE, without_digest(wanted), remembered)
    excluded = view.columns.digest.first(view.count)[found] == digest(wanted.not_source_hash)
    excluded &= found != NOBODY
    if excluded.sum(axis=1).max(initial=0) > _SPARE:  # all of them may be of one look, which had no more to spare
        condition = Condition(wanted, view.columns)
        return _found(view, queries, k, condition, Selection(view, condition))
    return np.where(excluded, NOBODY, found)


def _found(view: View, queries: Vectors, k: int, condition: Condition, selection: Selection) -> Slots:
    if view.count == view.sealed:
        return _sealed(view, queries, k, selection)
    tail = exact.between(view.rows, queries, view.sealed, condition.passing(view.sealed, view.count), k).slots
    return np.hstack([tail, _sealed(view, queries, k, selection)]) if selection.count else tail


def _sealed(view: View, queries: Vectors, k: int, selection: Selection) -> Slots:
    if selection.count <= MULTIPLIED:
        return exact.among(queries, *selection.few, k).slots
    effort = worthwhile(view, selection, len(queries), k)
    if view.cells is None or effort is None:
        return without_cells(view, selection, queries, k)
    return by_cells(view, view.cells, effort, selection, queries, k=k)
