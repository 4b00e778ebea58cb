"""How far a figure can be trusted: its spread when the items are drawn anew, with the same seed always the same.

Percentile bootstrap (Efron 1979): as many items as there are, drawn with replacement; a draw is how often each item came up. All
figures of a report look at the same draws, so that their parts stay paired.

A share of 20 out of 20 would have no spread at all. So four imagined items are drawn with the real ones, and figures made of right
and wrong count two of them for each group they compare: one right, one wrong (Agresti and Coull 1998; Agresti and Caffo 2000).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tandem_reasoning.scores.score import Interval

Floats = npt.NDArray[np.float64]
Figure = Callable[[Floats], float]
"""A figure of a draw: takes how often each item came up, shape (items + IMAGINED,), gives a number, not finite where there is none."""

IMAGINED = 4
DRAWS = 400  # ten of them lie outside at either end of a 95 % interval
ENOUGH = 10  # items below which an interval would pretend to know something

_TAILS = (2.5, 97.5)


def draws(items: int, *, seed: int, count: int = DRAWS) -> Iterator[Floats]:
    """How often each item came up, `count` times, shape (items + IMAGINED,)."""
    generator = np.random.default_rng(seed)
    rows = items + IMAGINED
    for _ in range(count):
        yield np.bincount(generator.integers(rows, size=rows), minlength=rows).astype(np.float64)


def intervals(figures: Sequence[Figure], items: int, *, seed: int, count: int = DRAWS) -> tuple[Interval | None, ...]:
    """A 95 % interval for each figure over `items` items; None where it could not be worked out in nine of ten draws."""
    if not figures:
        return ()
    found = np.array([[figure(weights) for figure in figures] for weights in draws(items, seed=seed, count=count)])
    return tuple(interval(column) for column in found.T)


def interval(found: Floats) -> Interval | None:
    """Between what 95 % of draws of a figure lie; None where it could not be worked out in nine of ten."""
    finite = found[np.isfinite(found)]
    if finite.size < max(1, 0.9 * found.size):
        return None
    low, high = np.percentile(finite, _TAILS)
    return Interval(float(low), float(high))


def mean(values: Floats, imagined: Sequence[float] = ()) -> Figure:
    """The mean of the values that there are, as a figure.

    Args:
        values: One for each item, NaN where there is none; shape (items,).
        imagined: Values of the imagined items that are to count, at most IMAGINED.
    """
    known = np.flatnonzero(np.isfinite(values))
    places = np.concatenate([known, len(values) + np.arange(len(imagined))])
    counted = np.concatenate([values[known], imagined])

    def figure(weights: Floats) -> float:
        drawn = weights[places]
        total = float(drawn.sum())
        # not @: for a sum this short the linear algebra library's threads would cost more than they bring
        return float((drawn * counted).sum()) / total if total else float("nan")

    return figure


def once(items: int) -> Floats:
    """The draw in which each real item came up once and no imagined one did: a figure of it is the figure itself."""
    return np.concatenate([np.ones(items), np.zeros(IMAGINED)])


def around(spread: Interval | None, value: float | None) -> Interval | None:
    """The interval, widened to hold the value."""
    return spread if spread is None or value is None else Interval(min(spread.low, value), max(spread.high, value))
