"""How often something was so, and between what that lies: Wilson's interval (1927), which holds for few questions and for all or none."""

import math
from dataclasses import dataclass

from tandem_reasoning.scores.score import Interval

_Z = 1.96  # standard errors: 95 %


@dataclass(slots=True)
class Proportion:
    """So many of so many; counts up as questions come in.

    Attributes:
        right: Those of which it is so.
        of: Those that count.
    """

    right: int = 0
    of: int = 0

    def add(self, right: bool | None) -> None:  # noqa: FBT001 - what is counted
        """One more; what is not known does not count."""
        if right is not None:
            self.right, self.of = self.right + right, self.of + 1

    @property
    def value(self) -> float | None:
        """The part, 0 to 1; None of nothing."""
        return self.right / self.of if self.of else None

    @property
    def interval(self) -> Interval | None:
        """95 %; None of nothing."""
        if not self.of:
            return None
        part, square = self.right / self.of, _Z * _Z / self.of
        middle, wide = part + square / 2, _Z * math.sqrt((part * (1 - part) + square / 4) / self.of)
        return Interval(max(0.0, (middle - wide) / (1 + square)), min(1.0, (middle + wide) / (1 + square)))
