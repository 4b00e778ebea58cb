"""What all policies that learn have in common: the gates, the warm-up, and now and then asking both lanes to go on learning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from tandem_reasoning.routing import gates
from tandem_reasoning.routing.decision import ASKED_ANYHOW, Arm, Decision, Mode
from tandem_reasoning.routing.estimate import agreement
from tandem_reasoning.routing.known import Known, Labels, LaneView
from tandem_reasoning.routing.thresholds import Learning

_ALL: Mapping[Arm, float] = dict.fromkeys(Arm, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a policy chooses between: one lane of each side, and the chance that they agree.

    Attributes:
        local: The local lane that would be asked.
        cloud: The cloud lane that would be asked.
        p: Chance that they agree; None when nothing alike is known.
        kind: Class of the question.
    """

    local: LaneView
    cloud: LaneView
    p: float | None
    kind: str = ""

    def alone(self, lane: LaneView, reason: str) -> Decision:
        """One call to one of the lanes."""
        arm = Arm.LOCAL if lane is self.local else Arm.CLOUD
        return Decision(lanes=(lane.name,), mode=Mode.SINGLE, reason=reason, p=self.p, seen={arm: 1.0})

    def voted(self, reason: str) -> Decision:
        """A vote of the local experts alone."""
        return Decision(lanes=(self.local.name,), mode=Mode.VOTE, reason=reason, p=self.p, seen={Arm.VOTE: 1.0})

    def spared(self, decision: Decision) -> Decision:
        """What is left of a decision where the dollars do not reach for the cloud lane; all, where that was not to be asked."""
        if self.cloud.name not in decision.lanes:
            return decision
        cascade = decision.mode is Mode.CASCADE and not decision.compare
        return gates.spared(self.local, escalate_below=decision.escalate_below if cascade else ASKED_ANYHOW, p=self.p)

    def cascaded(self, reason: str, *, escalate_below: float) -> Decision:
        """A vote of the local experts, then the cloud lane if it is not clear enough."""
        lanes, seen = (self.local.name, self.cloud.name), {Arm.VOTE: 1.0}
        return Decision(lanes=lanes, mode=Mode.CASCADE, reason=reason, p=self.p, escalate_below=escalate_below, seen=seen)

    def joined(self, reason: str) -> Decision:
        """A vote of both."""
        seen = {Arm.VOTE: 1.0, Arm.CLOUD: 1.0, Arm.JOINED: 1.0}
        return Decision(lanes=(self.local.name, self.cloud.name), mode=Mode.ENSEMBLE, reason=reason, p=self.p, seen=seen)

    def compared(self, reason: str) -> Decision:
        """Both lanes, whatever they say."""
        lanes = (self.local.name, self.cloud.name)
        return Decision(lanes=lanes, mode=Mode.CASCADE, reason=reason, p=self.p, compare=True, seen=_ALL)


def routed(known: Known, learning: Learning, choose: Callable[[Choice], Decision]) -> Decision:
    """What `choose` says, unless a lane is missing, the run is late, or both lanes are asked in order to learn.

    Args:
        known: What is known of the question.
        learning: How labels are come by.
        choose: The policy's own rule.
    """
    asked = gates.both(known)
    if isinstance(asked, Decision):
        return asked
    choice = Choice(local=asked.local, cloud=asked.cloud, p=agreement(known.neighbours, k=learning.k), kind=known.kind)
    labels, wanted = _warm_up(known, learning)
    believed = choice if labels.there >= wanted else replace(choice, p=None)  # what is known is of others as yet
    if not asked.paid:
        return choice.spared(_late(choice) if known.pressure > gates.LATE else choose(believed))
    if known.pressure > gates.LATE:
        return _late(choice)
    if (handed := labels.there + labels.coming) < wanted:
        of = f" of class {known.kind!r}" if labels is known.labels_of_kind else ""
        return choice.compared(f"Warm-up: {handed} of {wanted} questions{of} were handed to both lanes before.")
    return _explored(known, learning, believed, choose(believed))


def _warm_up(known: Known, learning: Learning) -> tuple[Labels, int]:
    """Labels of the question's like, and how many of them there must be before anything is believed.

    Classes share the warm-up: a set often has one behind the other, and what lanes agree on in the first says nothing of the last. Where
    there are so many that each would have none, all are taken for one.
    """
    if len(known.kinds) > 1 and (share := _share(known.kinds, learning.warmup)):
        return known.labels_of_kind, share
    return known.labels, learning.warmup


@cache
def _share(sizes: tuple[int, ...], warmup: int) -> int:
    """Questions of each class, as many as are in all of them together no more than the warm-up; small classes have fewer."""
    return max((share for share in range(warmup + 1) if sum(min(size, share) for size in sizes) <= warmup), default=0)


def _explored(known: Known, learning: Learning, choice: Choice, chosen: Decision) -> Decision:
    """The choice, or by the item's own draw a comparison instead; in both the chances of what is seen."""
    seen = {arm: chosen.seen.get(arm, learning.explore) for arm in Arm if arm in chosen.seen or learning.explore > 0}
    if known.draw >= learning.explore:
        return replace(chosen, propensity=1 - learning.explore, seen=seen)
    reason = f"Both lanes answer {learning.explore:.0%} of questions, so that the router goes on learning."
    # the line of a cascade that was not carried out is kept: what it would have handed on is seen for certain
    line = chosen.escalate_below if chosen.mode is Mode.CASCADE else 0.0
    return replace(choice.compared(reason), propensity=learning.explore, seen=seen, escalate_below=line)


def _late(choice: Choice) -> Decision:
    """One call, to the likelier lane unless it is full and the other is not."""
    likely = choice.local if choice.p is not None and choice.p >= 0.5 else choice.cloud  # noqa: PLR2004 - likelier than not
    other = choice.cloud if likely is choice.local else choice.local
    lane = other if likely.load >= 1 > other.load else likely
    return choice.alone(lane, f"The deadline presses, so {lane.name} is asked once and nobody else.")
