"""How often something was so, and between what that lies."""

from dataclasses import dataclass

from tandem_reasoning.scores.score import Interval
from tandem_reasoning.scores.wilson import wilson


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
        return wilson(self.right / self.of, self.of) if self.of else None
