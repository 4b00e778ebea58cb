"""What must be so before a policy has any choice: which lanes can be asked at all, and whether the dollars reach.

A lane that is down never makes an item fail: the other side answers. Where neither can be asked the item waits.
"""

from typing import NamedTuple

from tandem_reasoning.routing.decision import ASKED_ANYHOW, Arm, Decision, Mode
from tandem_reasoning.routing.known import Known, LaneView
from tandem_reasoning.values import LaneKind

LATE = 1.0
"""Pressure from which on a run does not keep its deadline: nothing is explored, and nobody is asked twice."""


class Both(NamedTuple):
    """One lane of each side, both of which can be asked; `paid` is whether the dollars reach for that of the cloud."""

    local: LaneView
    cloud: LaneView
    paid: bool


def both(known: Known) -> Both | Decision:
    """A lane of each side; where one side has none to ask, what is left to do."""
    local = alone(known, LaneKind.LOCAL)
    if isinstance(local, Decision):
        return local
    if (cloud := _best(known, LaneKind.CLOUD)) is not None:
        return Both(local, cloud, paid=True)
    unpaid = _best(known, LaneKind.CLOUD, paid=False)
    return _other(known, LaneKind.CLOUD) if unpaid is None else Both(local, unpaid, paid=False)


def alone(known: Known, kind: LaneKind) -> LaneView | Decision:
    """The cheapest lane of a side that can be asked, of equally cheap ones the one with most room; else what is left to do."""
    lane = _best(known, kind)
    return _other(known, kind) if lane is None else lane


def spared(local: LaneView, *, escalate_below: float = ASKED_ANYHOW, p: float | None = None) -> Decision:
    """A vote of the local experts in place of what the dollars do not reach for: the cloud lane, were the vote below a line."""
    reason = f"The dollars that are left do not reach for the cloud lane, so {local.name} answers alone."
    seen, mode = {Arm.VOTE: 1.0}, Mode.VOTE
    return Decision(lanes=(local.name,), mode=mode, reason=reason, p=p, escalate_below=escalate_below, seen=seen, spared=True)


def _other(known: Known, kind: LaneKind) -> Decision:
    """What is left to do without a side."""
    other = LaneKind.CLOUD if kind is LaneKind.LOCAL else LaneKind.LOCAL
    if (instead := _best(known, other)) is None:
        return Decision(lanes=(), mode=Mode.SINGLE, reason="No lane can be asked now: the question waits.")
    mode, arm = (Mode.SINGLE, Arm.CLOUD) if other is LaneKind.CLOUD else (Mode.VOTE, Arm.VOTE)
    if other is LaneKind.LOCAL and _best(known, kind, paid=False) is not None:
        return spared(instead)
    reason = f"{_why(known, kind)}, so {instead.name} answers alone."
    there = any(lane.kind is kind for lane in known.lanes)
    return Decision(lanes=(instead.name,), mode=mode, reason=reason, seen={arm: 1.0}, instead=there)


def _why(known: Known, kind: LaneKind) -> str:
    lanes = [lane for lane in known.lanes if lane.kind is kind]
    if not lanes:
        return f"The run has no {kind} lane"
    if any(lane.ready for lane in lanes):
        return f"The dollars that are left do not reach for a {kind} lane"
    return f"No {kind} lane is ready"


def _best(known: Known, kind: LaneKind, *, paid: bool = True) -> LaneView | None:
    """The best of a side; unless it has to be `paid`, also one for which the dollars do not reach."""
    lanes = [lane for lane in known.lanes if lane.kind is kind and lane.ready and (not paid or _reached(known, lane))]
    return min(lanes, key=lambda lane: (lane.answer_nano, lane.load, lane.name), default=None)


def _reached(known: Known, lane: LaneView) -> bool:
    return lane.payable and (known.left_nano is None or lane.answer_nano <= max(known.left_nano, 0))
