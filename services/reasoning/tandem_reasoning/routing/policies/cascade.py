"""Cheap where it is clear, thorough where it is not: neighbours decide who answers the clear cases, a local vote the others.

Routing and cascading together beat either alone (Dekoninck et al., ICML 2025). The vote of the local experts is already paid when it
says how sure they are, so it costs nothing to ask it first.
"""

from dataclasses import dataclass, field, replace

from tandem_reasoning.routing.decision import Decision
from tandem_reasoning.routing.experience import Experience
from tandem_reasoning.routing.known import Known
from tandem_reasoning.routing.policies.learned import Choice, routed
from tandem_reasoning.routing.thresholds import LEARNING, LINES, Learning, Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """One local call or a vote, a cascade, or one cloud call.

    Attributes:
        thresholds: Where the lines are; a run moves them to keep to its budget (`pacing`).
        learning: How labels are come by.
        experience: What votes were worth so far; a run brings it up to date.
    """

    thresholds: Thresholds = LINES
    learning: Learning = LEARNING
    experience: Experience = field(default_factory=Experience)

    def route(self, known: Known) -> Decision:
        """Who answers."""
        return routed(known, self.learning, self.chosen)

    def chosen(self, choice: Choice) -> Decision:
        """The rule itself, for questions that are not compared."""
        lines = self.thresholds
        if choice.p is None:
            reason = "Nothing alike is known, so the local experts vote first."
            return choice.cascaded(reason, escalate_below=lines.escalate_below)
        told = f"The lanes agreed on {choice.p:.0%} of questions alike"
        if choice.p >= lines.local_above:
            return self._local(choice, f"{told}, at least {lines.local_above:.0%}")
        if choice.p >= lines.paid_below:
            reason = f"{told}; the dollars that are left go to questions below {lines.paid_below:.0%}."
            return replace(choice.spared(self._asked(choice, choice.p, told)), reason=reason)
        return self._asked(choice, choice.p, told)

    def _asked(self, choice: Choice, p: float, told: str) -> Decision:
        """The cloud lane, at once or where the local vote is not sure enough."""
        lines = self.thresholds
        enough = max(lines.escalate_below, self.experience.of(choice.local.name, choice.kind).accepted_from(p, lines.sure))
        if p < lines.cloud_below or enough > 1:
            return choice.alone(choice.cloud, f"{told}: no local vote would be sure enough, so the cloud lane is asked at once.")
        reason = f"{told}: the local experts vote, and the cloud lane is asked if less than {enough:.0%} of them agree."
        return choice.cascaded(reason, escalate_below=enough)

    def _local(self, choice: Choice, told: str) -> Decision:
        """One call or a vote: what neighbours tell of is how often votes were right, and one call may be right less often."""
        feared = self.experience.single(choice.local.name, choice.kind).feared
        if feared <= self.thresholds.single_loses:
            return choice.alone(choice.local, f"{told}: one local call is enough.")
        return choice.voted(f"{told}: the local experts vote, since one call may be right on {feared:.0%} fewer.")
