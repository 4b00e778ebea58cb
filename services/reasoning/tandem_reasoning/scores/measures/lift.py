"""What the other lane's memory is worth: accuracy with it less accuracy without, on items that differ in nothing but a draw.

A small part of items is held out: what would have been recalled is looked up and not shown. Both groups then are drawn from the same
items, and each counts by the inverse of the chance with which an item came into it (Hajek's ratio; Horvitz and Thompson 1952).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tandem_reasoning.scores.answered import Floats, Table

Arms = Callable[[Floats], tuple[float, float]]
"""Accuracy with and without in a draw, each NaN when nobody is there."""


def arms(columns: Table) -> Arms:
    """Accuracy with another lane's record and without one, as figures of a draw; NaN for a group without items.

    Args:
        columns: The items; those count whose recall and label are known.
    """
    known = np.isfinite(columns.shown_N) & np.isfinite(columns.taken_right_N)
    shown = _accuracy(columns, known & (columns.shown_N == 1), 1 - columns.hold_out_N, first=0)
    held = _accuracy(columns, known & (columns.shown_N == 0), columns.hold_out_N, first=2)
    return lambda weights: (shown(weights), held(weights))


def held_out(columns: Table) -> int:
    """Labelled items that were held out."""
    return int(((columns.shown_N == 0) & np.isfinite(columns.taken_right_N)).sum())


def _accuracy(columns: Table, members: npt.NDArray[np.bool_], chance_N: Floats, *, first: int) -> Callable[[Floats], float]:
    """Accuracy of a group; two imagined items, right and wrong, weigh what its real ones do on average."""
    each = 1 / chance_N[members]
    typical = float(each.mean()) if each.size else 1.0
    places = np.concatenate([np.flatnonzero(members), columns.items + first + np.arange(2)])
    worth = np.concatenate([each, [typical, typical]])
    right = np.concatenate([columns.taken_right_N[members], [1.0, 0.0]])

    def figure(weights: Floats) -> float:
        counted = weights[places] * worth
        total = float(counted.sum())
        return float((counted * right).sum()) / total if total else float("nan")

    return figure
