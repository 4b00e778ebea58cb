"""How many experts stay with their answer from one step to the next, and, where the right one is known, which way the others went."""

import numpy as np

from tandem_reasoning.scores.answered import NOBODY, Floats, Ids, Table
from tandem_reasoning.scores.measures import agreement


def stable(answers_NK: Ids, earlier_NK: Ids) -> Floats:
    """Part of each item's experts whose answer is the one of the step before; NaN when there was none. Shape (N,)."""
    both_NK = (answers_NK != NOBODY) & (earlier_NK != NOBODY)
    return _share(both_NK & (answers_NK == earlier_NK), both_NK)


def chance(columns: Table, generator: np.random.Generator) -> float:
    """Mean stability against earlier answers dealt anew over the items."""
    values = stable(columns.answers_NK, agreement.shuffled(columns.earlier_NK, generator))
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def to_wrong(columns: Table) -> Floats:
    """Part of each item's experts that went from the right answer to a wrong one; NaN without a label. Shape (N,)."""
    return _moved(columns, before=True)


def to_right(columns: Table) -> Floats:
    """Part of each item's experts that went from a wrong answer to the right one; NaN without a label. Shape (N,)."""
    return _moved(columns, before=False)


def _moved(columns: Table, *, before: bool) -> Floats:
    labelled_N1 = (columns.label_N != NOBODY)[:, None]
    both_NK = (columns.answers_NK != NOBODY) & (columns.earlier_NK != NOBODY) & labelled_N1
    was_NK, is_NK = columns.earlier_NK == columns.label_N[:, None], columns.answers_NK == columns.label_N[:, None]
    return _share(both_NK & (was_NK == before) & (is_NK != before), both_NK)


def _share(some_NK: np.ndarray, all_NK: np.ndarray) -> Floats:
    of_N = all_NK.sum(axis=1)
    return np.where(of_N > 0, some_NK.sum(axis=1) / np.maximum(of_N, 1), np.nan)
