"""Both lanes vote together where that has been worth it, and nowhere else.

Mixing a weaker model into a vote lowers it on average (Self-MoA, arXiv 2502.00674), so a class of questions has to earn its ensemble:
the gain over the cloud lane alone must be more than chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tandem_reasoning.routing.decision import Decision
from tandem_reasoning.routing.gain import Gain
from tandem_reasoning.routing.known import Known
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.learned import Choice, routed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """A cascade, but where it is not clear which lane is enough and the class has earned it, both vote together.

    Attributes:
        gains: What an ensemble gained over the cloud lane alone, by class of questions.
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
