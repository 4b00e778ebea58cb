"""What one way of asking gained over another, on questions that were asked in both ways."""

import math
from dataclasses import dataclass

_ENOUGH = 20  # questions of a class before its gain is believed
_CERTAIN = 1.96  # standard errors: 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Of questions of one class.

    Attributes:
        won: Questions that the one way had right and the other wrong.
        lost: The other way round.
        items: All of them, those of equal outcome included.
    """

    won: int = 0
    lost: int = 0
    items: int = 0

    def seen(self, *, one: bool, other: bool) -> "Gain":
        """With one more question: whether the one way was right, and whether the other was."""
        return Gain(won=self.won + (one and not other), lost=self.lost + (other and not one), items=self.items + 1)

    @property
    def known(self) -> bool:
        """Whether enough was seen to believe it."""
        return self.items >= _ENOUGH

    @property
    def earned(self) -> bool:
        """Whether the gain is more than chance: its lower 95 % bound, with one imagined win and loss, lies above 0."""
        items, won, lost = self.items + 2, self.won + 1, self.lost + 1
        mean = (won - lost) / items
        spread = math.sqrt(((won + lost) / items - mean * mean) / items)
        return self.known and mean - _CERTAIN * spread > 0

    @property
    def feared(self) -> float:
        """Part of questions that the one way is feared to lose: one imagined loss on top of what was seen. 0 where nothing was."""
        return (self.lost - self.won + 1) / (self.items + 2) if self.items else 0.0
