"""What is logged of a question, and what another decision on it would have been worth if that was seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tandem_reasoning.routing.decision import Arm, Decision, Mode
from tandem_reasoning.routing.known import Known
from tandem_reasoning.values import LaneKind


class Outcome(NamedTuple):
    """What an answer was worth, 0 to 1 (1 is right; without labels: the cloud lane's answer), and what it cost, nano-dollars."""

    worth: float
    cost_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A question that was answered.

    Attributes:
        known: What the policy was told.
        seen: What was seen of each arm.
        chances: With which chance it would be seen, more than 0 to 1; never less than seen.
        share: Share of votes for the local experts' answer, where they voted.
    """

    known: Known
    seen: Mapping[Arm, Outcome]
    chances: Mapping[Arm, float]
    share: float | None = None


def logged(known: Known, decision: Decision, seen: Mapping[Arm, Outcome], *, share: float | None = None) -> Logged:
    """The log of a decision and of what came of it.

    Args:
        known: What the policy was told.
        decision: What it said.
        seen: What was seen of each arm.
        share: Share of votes for the local experts' answer, where they voted.
    """
    chances = dict(decision.seen)
    certain = chances.get(Arm.VOTE) == 1 and decision.mode is Mode.CASCADE
    if decision.spared and decision.mode is not Mode.VOTE:  # whatever was to be seen of the cloud lane: its call was refused
        chances = {arm: chance for arm, chance in chances.items() if arm in {Arm.LOCAL, Arm.VOTE}}
    elif certain and share is not None and share < decision.escalate_below:
        chances[Arm.CLOUD] = 1.0  # with or without exploration the cascade went on to the cloud lane
    return Logged(known=known, seen={arm: outcome for arm, outcome in seen.items() if arm in chances}, chances=chances, share=share)


def wanted(decision: Decision, row: Logged) -> tuple[Arm, ...] | None:
    """Arms that `decision` would have asked on the question, the one whose answer counts last; None where that was not seen."""
    if decision.compare:
        return Arm.LOCAL, Arm.VOTE, Arm.CLOUD
    if decision.mode is Mode.SINGLE:
        kinds = {lane.name: lane.kind for lane in row.known.lanes}
        return (Arm.CLOUD if kinds[decision.lanes[0]] is LaneKind.CLOUD else Arm.LOCAL,)
    if decision.mode is Mode.VOTE:
        return (Arm.VOTE,)
    if decision.mode is Mode.ENSEMBLE:
        return Arm.VOTE, Arm.CLOUD, Arm.JOINED
    if row.share is None:
        return None
    return (Arm.VOTE, Arm.CLOUD) if row.share < decision.escalate_below else (Arm.VOTE,)


def certain(decision: Decision, row: Logged) -> tuple[Arm, ...] | None:
    """The same as `wanted`, told of what is seen for certain alone; None where a draw decides whether the vote that it takes is seen."""
    voted = decision.compare or decision.mode is not Mode.CASCADE or row.chances.get(Arm.VOTE) == 1
    return wanted(decision, row) if voted else None


def chance(decision: Decision, row: Logged) -> float:
    """The chance with which it is seen what `decision` comes to, whether or not it was; 0 when it never is."""
    return min(row.chances.get(arm, 0.0) for arm in certain(decision, row) or (Arm.VOTE, Arm.CLOUD))


def outcome(decision: Decision, row: Logged) -> tuple[Outcome, float] | None:
    """What `decision` would have been worth and would have cost, and the chance with which that is seen; None where it was not.

    All arms that a draw adds are seen together, so the chance of several is that of the rarest.
    """
    arms = wanted(decision, row)
    if arms is None or any(arm not in row.seen for arm in arms):
        return None
    cost = sum(row.seen[arm].cost_nano for arm in arms)
    return Outcome(row.seen[arms[-1]].worth, cost), min(row.chances[arm] for arm in arms)
