"""What a score is: never a bare number, but a value with its formula, its chance baseline, an interval, and whether it means anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Interval(NamedTuple):
    """Where the value lies in 19 of 20 cases; always around the value itself."""

    low: float
    high: float

    def touches(self, number: float) -> bool:
        """Whether `number` cannot be told from the value."""
        return self.low <= number <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A measured quantity.

    Attributes:
        name: Its name in reports and in the catalogue.
        value: None when it was not measurable: nothing is ever filled in.
        items: Items that it was measured on.
        formula: How it is made.
        baseline: What chance alone would give; None when that was not measurable.
        interval: 95 % bootstrap interval; None below ten items.
        auroc: Of the labelled part: the chance that a right answer's value points more to right than a wrong one's. None
            without labels, and for scores that are made of labels themselves.
        auroc_interval: 95 % bootstrap interval of that; None below ten right and ten wrong answers.
        validated: Whether it is known to tell right answers from wrong ones: its AUROC's interval lies above one half. None for
            scores that are made of labels themselves.
        parts: What it is made of, by name, such as the two accuracies of a difference.
    """

    name: str
    value: float | None
    items: int
    formula: str
    baseline: float | None = None
    interval: Interval | None = None
    auroc: float | None = None
    auroc_interval: Interval | None = None
    validated: bool | None = None
    parts: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
