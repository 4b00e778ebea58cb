"""Policies that know nothing: always the local lane, always the cloud lane, or a coin. The yardsticks of all others."""

from dataclasses import dataclass

from tandem_reasoning.routing import gates
from tandem_reasoning.routing.decision import Arm, Decision, Mode
from tandem_reasoning.routing.known import Known
from tandem_reasoning.values import LaneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Everything to the local lane.

    Attributes:
        mode: One call (Single), or experts until it is settled (Vote).
    """

    mode: Mode = Mode.VOTE

    def route(self, known: Known) -> Decision:
        """The local lane, as long as it can be asked."""
        lane = gates.alone(known, LaneKind.LOCAL)
        if isinstance(lane, Decision):
            return lane
        arm = Arm.VOTE if self.mode is Mode.VOTE else Arm.LOCAL
        return Decision(lanes=(lane.name,), mode=self.mode, reason="The policy asks the local lane alone.", seen={arm: 1.0})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Everything to the cloud lane, one call each."""

    def route(self, known: Known) -> Decision:
        """The cloud lane, as long as it can be asked and paid."""
        lane = gates.alone(known, LaneKind.CLOUD)
        if isinstance(lane, Decision):
            return lane
        reason = "The policy asks the cloud lane alone."
        return Decision(lanes=(lane.name,), mode=Mode.SINGLE, reason=reason, seen={Arm.CLOUD: 1.0})


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """A coin for each question: what any router has to beat at equal cost.

    Attributes:
        share: Part of the questions for the cloud lane, 0 to 1.
    """

    share: float = 0.5

    def route(self, known: Known) -> Decision:
        """One call to the lane that the item's own draw names."""
        asked = gates.both(known)
        if isinstance(asked, Decision):
            return asked
        cloud = known.draw < self.share
        if cloud and not asked.paid:
            return gates.spared(asked.local)
        chances = {Arm.CLOUD: self.share, Arm.LOCAL: 1 - self.share}
        return Decision(
            lanes=((asked.cloud if cloud else asked.local).name,),
            mode=Mode.SINGLE,
            reason=f"A coin that falls on the cloud lane in {self.share:.0%} of questions.",
            propensity=chances[Arm.CLOUD if cloud else Arm.LOCAL],
            seen={arm: chance for arm, chance in chances.items() if chance > 0},
        )
