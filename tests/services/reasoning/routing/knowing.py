"""What a policy may know, in short."""

from dataclasses import replace

from tandem_reasoning.routing.known import Known, Labels, LaneView, Neighbour
from tandem_reasoning.values import LaneKind

HERE = LaneView(name="here", kind=LaneKind.LOCAL)
THERE = LaneView(name="there", kind=LaneKind.CLOUD, answer_nano=1000)
DOWN = replace(HERE, ready=False)


def known(p: float | None = None, **more: object) -> Known:
    """A run past its warm-up whose neighbours agreed on a part `p` of questions; a draw that explores nothing."""
    neighbours = () if p is None else (Neighbour(similarity=1.0, agreed=p),)
    given = {"lanes": (HERE, THERE), "draw": 0.99, "neighbours": neighbours, "labels": Labels(there=1000), **more}
    return Known(**given)  # type: ignore[arg-type]
