"""A decision as one line of text beside the outcome, and back: what a replay has to know, and no more.

    Cascade:local,cloud:compared below=1 Local=0.05 Vote=1 Cloud=0.05

The mode, the lanes in the order in which they are asked, whether they were compared, whether a lane was spared for want of money, or
another answers instead of it; then the line of a cascade, and for each arm the chance that its worth is seen. A choice that lacks its
chances was certain of what it saw.
"""

from dataclasses import replace

from tandem_reasoning.routing.decision import Arm, Decision, Mode

_COMPARED, _SPARED, _INSTEAD = "compared", "spared", "instead"
_BELOW = "below"


def written(decision: Decision) -> str:
    """The line."""
    told = ((_COMPARED, decision.compare), (_SPARED, decision.spared), (_INSTEAD, decision.instead))
    marks = [mark for mark, set_ in told if set_]
    head = ":".join([decision.mode, ",".join(decision.lanes), *marks])
    seen = [f"{arm}={decision.seen[arm]:g}" for arm in Arm if arm in decision.seen]
    return " ".join([head, f"{_BELOW}={decision.escalate_below:g}", *seen])


def spared(text: str) -> str:
    """The line of a decision whose second lane turned out to cost more than is left."""
    made = read(text)
    return text if made is None else written(replace(made, spared=True))


def read(text: str, *, propensity: float = 1.0) -> Decision | None:
    """The decision that a line tells of; None when it tells of none.

    Args:
        text: The line.
        propensity: Chance with which the choice was made.
    """
    head, *told = text.split()
    mode, lanes, *marks = [*head.split(":"), ""]
    try:
        chances = {name: float(number) for name, _, number in (each.partition("=") for each in told)}
        return Decision(
            lanes=tuple(filter(None, lanes.split(","))),
            mode=Mode(mode),
            reason="as it was logged",
            escalate_below=chances.pop(_BELOW, 1.0),
            compare=_COMPARED in marks,
            spared=_SPARED in marks,
            instead=_INSTEAD in marks,
            propensity=propensity,
            seen={Arm(name): chance for name, chance in chances.items() if chance > 0} or dict.fromkeys(Arm, propensity),
        )
    except ValueError:
        return None
