"""Which classes of questions the cloud lane does not know itself, as far as right answers tell."""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tandem_reasoning.report.line import Line, single
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.values import LaneKind

LEAST = 10
"""Answers with a label before a class is judged by them: of fewer, a teacher that knows nine in ten is wrong on most once in 7,000."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """The cloud lane's answers whose right ones are known, by class."""

    _answered: Counter[str] = field(default_factory=Counter[str])
    _right: Counter[str] = field(default_factory=Counter[str])

    def heard(self, line: Line, sides: Sides) -> None:
        """Count a question, if the cloud lane answered it and a label says what is right."""
        said = line.said
        cloud = None if said is None else single(said, sides, LaneKind.CLOUD)
        if said is None or said.label is None or cloud is None:
            return
        self._answered[line.of.question.kind] += 1
        self._right[line.of.question.kind] += cloud == said.label

    @property
    def unknown(self) -> AbstractSet[str]:
        """Classes of which it has more wrong than right. Questions without a class have nothing in common by which to judge the rest."""
        return {kind for kind, count in self._answered.items() if kind and count >= LEAST and 2 * self._right[kind] < count}
