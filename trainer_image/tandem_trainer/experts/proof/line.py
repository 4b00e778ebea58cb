"""What a series and a straight line through points come to: spread, slope, and the interval that the slope is in. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

# The 97.5 % quantiles of Student's t for 1, 2, 3 ... degrees of freedom, as in any table. More count as the last: the interval errs
# on the wide side.
_QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
FEWEST_POINTS = 3
"""A line through two points has no interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Mean and standard deviation of a series."""

    mean: float
    deviation: float

    @property
    def variation(self) -> float:
        """The one over the other, a fraction."""
        return self.deviation / self.mean if self.mean else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A slope, and the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float


def spread(series: Sequence[float]) -> Spread:
    """Of all windows that were measured: they are the whole, not a sample of it."""
    return Spread(mean=fmean(series), deviation=pstdev(series))


def slope(at: Sequence[float], values: Sequence[float]) -> Slope:
    """Least squares; the interval is that of independent errors of one size (any textbook on regression).

    Args:
        at: Where, `FEWEST_POINTS` or more, not all the same.
        values: What was measured there.
    """
    assert len(at) >= FEWEST_POINTS, "a line through two points has no interval"
    middle, mean = fmean(at), fmean(values)
    wide = sum((x - middle) ** 2 for x in at)
    value = sum((x - middle) * (y - mean) for x, y in zip(at, values, strict=True)) / wide
    left = sum((y - mean - value * (x - middle)) ** 2 for x, y in zip(at, values, strict=True))
    freedom = len(at) - 2
    reach = _QUANTILES[min(freedom, len(_QUANTILES)) - 1] * math.sqrt(left / freedom / wide)
    return Slope(value=value, low=value - reach, high=value + reach)
