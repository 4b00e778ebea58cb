"""Between what a share lies that was seen: Wilson's interval (1927), which holds for few questions and for all or none."""

import math

from tandem_reasoning.scores.score import Interval

_Z = 1.96  # standard errors: 95 %


def wilson(part: float, of: float) -> Interval:
    """95 % around a part, 0 to 1, of so many questions, the part itself included; their number may be an effective one, more than 0."""
    square = _Z * _Z / of
    middle, wide = part + square / 2, _Z * math.sqrt((part * (1 - part) + square / 4) / of)
    low, high = (middle - wide) / (1 + square), (middle + wide) / (1 + square)
    return Interval(min(part, max(0.0, low)), max(part, min(1.0, high)))  # of none or of all, rounding leaves the part just outside
