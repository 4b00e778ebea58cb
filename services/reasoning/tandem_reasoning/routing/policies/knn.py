"""One lane for each question, by what became of questions alike."""

from dataclasses import dataclass

from tandem_reasoning.routing.decision import Decision
from tandem_reasoning.routing.known import Known
from tandem_reasoning.routing.policies.learned import Choice, routed
from tandem_reasoning.routing.thresholds import LEARNING, Learning


@dataclass(frozen=True, slots=True, kw_only=True)
class Knn:
    """The local lane where it is likely enough to agree, else the cloud lane; one call each.

    Attributes:
        local_above: Chance of agreement from which on the local lane answers; 0.6 as in the measured prototype.
        learning: How labels are come by.
    """

    local_above: float = 0.6
    learning: Learning = LEARNING

    def route(self, known: Known) -> Decision:
        """Who answers."""
        return routed(known, self.learning, self._chosen)

    def _chosen(self, choice: Choice) -> Decision:
        if choice.p is None:
            return choice.alone(choice.cloud, "Nothing alike is known, so the cloud lane is asked.")
        if choice.p >= self.local_above:
            return choice.alone(choice.local, f"The lanes agreed on {choice.p:.0%} of questions alike, so the local lane is enough.")
        return choice.alone(choice.cloud, f"The lanes agreed on {choice.p:.0%} of questions alike only, so the cloud lane is asked.")
