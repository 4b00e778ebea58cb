"""What a record was good for that was shown for a question: how it went, less how it goes without a record for questions of its kind.

Nobody knows how the same question would have gone without. So a record is compared with what is usual: it earns little where the
answer is right anyway, and is blamed little where it is wrong anyway. A record that was not followed did nothing.
"""

from collections import Counter


class Usual:
    """How often answers are right without a record, by the questions' kind."""

    def __init__(self) -> None:
        self._right, self._known = Counter[str](), Counter[str]()

    def add(self, kind: str, *, right: bool) -> None:
        """A question of this kind was answered without a record."""
        self._right[kind] += right
        self._known[kind] += 1

    def gain(self, kind: str, *, right: bool, followed: bool = True) -> float:
        """What a record gained on a question of this kind, more than -1 and less than 1.

        Args:
            kind: Class of the question.
            right: Whether its answer is right.
            followed: Whether the record's answer was given, or it had none and only said how.
        """
        if not followed:
            return 0.0
        usual = (self._right[kind] + 1) / (self._known[kind] + 2)  # Laplace's rule: one half while nothing is known
        return float(right) - usual
