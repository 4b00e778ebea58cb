"""What must be so before a policy has any choice: which lanes can be asked at all, and whether the dollars reach.

A lane that is down never makes an item fail: the other side answers. Where neither can be asked the item waits.
"""

from typing import NamedTuple

from tandem_reasoning.routing.decision import Arm, Decision, Mode
from tandem_reasoning.routing.known import Known, LaneView
from tandem_reasoning.values import LaneKind

LATE = 1.0
"""Pressure from which on a run does not keep its deadline: nothing is explored, and nobody is asked twice."""


class Both(NamedTuple):
    """One lane of each side, both of which can be asked."""

    local: LaneView
    cloud: LaneView


def both(known: Known) -> Both | Decision:
    """A lane of each side; where one side has none to ask, what is left to do."""
    local, cloud = alone(known, LaneKind.LOCAL), alone(known, LaneKind.CLOUD)
    if isinstance(local, Decision):
        return local
    return cloud if isinstance(cloud, Decision) else Both(local, cloud)


def alone(known: Known, kind: LaneKind) -> LaneView | Decision:
    """The cheapest lane of a side that can be asked, of equally cheap ones the one with most room; else what is left to do."""
    if (lane := _best(known, kind)) is not None:
        return lane
    other = LaneKind.CLOUD if kind is LaneKind.LOCAL else LaneKind.LOCAL
    if (instead := _best(known, other)) is None:
        return Decision(lanes=(), mode=Mode.SINGLE, reason="No lane can be asked now: the question waits.")
    mode, arm = (Mode.SINGLE, Arm.CLOUD) if other is LaneKind.CLOUD else (Mode.VOTE, Arm.VOTE)
    spared = kind is LaneKind.CLOUD and any(lane.ready for lane in known.lanes if lane.kind is kind)
    reason = f"{_why(known, kind)}, so {instead.name} answers alone."
    return Decision(lanes=(instead.name,), mode=mode, reason=reason, seen={arm: 1.0}, spared=spared)


def _why(known: Known, kind: LaneKind) -> str:
    lanes = [lane for lane in known.lanes if lane.kind is kind]
    if not lanes:
        return f"The run has no {kind} lane"
    if any(lane.ready for lane in lanes):
        return f"The dollars that are left do not reach for a {kind} lane"
    return f"No {kind} lane is ready"


def _best(known: Known, kind: LaneKind) -> LaneView | None:
    lanes = [lane for lane in known.lanes if lane.kind is kind and lane.ready]
    paid = [lane for lane in lanes if lane.payable and (known.left_nano is None or lane.answer_nano <= known.left_nano)]
    return min(paid, key=lambda lane: (lane.answer_nano, lane.load, lane.name), default=None)
