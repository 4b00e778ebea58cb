"""Both lanes vote together where that has been worth it, and nowhere else.

Mixing a weaker model into a vote lowers it on average (Self-MoA, arXiv 2502.00674), so a class of questions has to earn its ensemble:
the gain over the cloud lane alone must be more than chance.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tandem_reasoning.routing.decision import Decision
from tandem_reasoning.routing.known import Known
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.learned import Choice, routed

_ENOUGH = 20  # questions of a class before its gain is believed
_CERTAIN = 1.96  # standard errors: 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What the vote of both lanes gained over the cloud lane alone, on labelled questions of one class that both answered.

    Attributes:
        won: Questions that the vote had right and the cloud lane wrong.
        lost: The other way round.
        items: All of them, those of equal outcome included.
    """

    won: int = 0
    lost: int = 0
    items: int = 0

    def seen(self, *, joined: bool, cloud: bool) -> "Gain":
        """With one more question: whether the vote of both was right, and whether the cloud lane was."""
        return Gain(won=self.won + (joined and not cloud), lost=self.lost + (cloud and not joined), items=self.items + 1)

    @property
    def earned(self) -> bool:
        """Whether the gain is more than chance: its lower 95 % bound, with one imagined win and loss, lies above 0."""
        items, won, lost = self.items + 2, self.won + 1, self.lost + 1
        mean = (won - lost) / items
        spread = math.sqrt(((won + lost) / items - mean * mean) / items)
        return self.items >= _ENOUGH and mean - _CERTAIN * spread > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """A cascade, but where it is not clear which lane is enough and the class has earned it, both vote together.

    Attributes:
        gains: What an ensemble gained, by class of questions.
        cascade: The policy for all else.
    """

    gains: Mapping[str, Gain] = field(default_factory=dict[str, Gain])
    cascade: Cascade = field(default_factory=Cascade)

    def route(self, known: Known) -> Decision:
        """Who answers."""
        return routed(known, self.cascade.learning, self._chosen)

    def _chosen(self, choice: Choice) -> Decision:
        lines = self.cascade.thresholds
        clear = choice.p is not None and not lines.cloud_below <= choice.p < min(lines.local_above, lines.paid_below)
        if clear or choice.kind not in self.gains or not self.gains[choice.kind].earned:
            return self.cascade.chosen(choice)
        return choice.joined(f"On questions of class {choice.kind!r} both lanes together did better than the cloud lane.")
