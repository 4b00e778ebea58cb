"""Renewal: an expert that broke is made anew from the busiest one, in the place that it has anyway; no memory is added.

An expert whose answers are no numbers is asked no more, and what it was for falls to the others. At the next look it is given the weights
of whoever is kept from tokens most, for its load: the two share that load from then on, and part as they learn. The router's key stays the
broken expert's own: product keys are nobody's own, and a copy of another's would have to be moved by a distance that nothing speaks for.
What it gains: `tests.bench.experts.growth`.

Who follows from handicaps and from the window of that step alone. So a resumed run makes the same experts anew, at the same step.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf

from tandem_trainer.experts.moving.mover import Mover
from tandem_trainer.experts.moving.schedule import Visit
from tandem_trainer.experts.moving.slots import Desk, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Heir:
    """The expert `child` is made anew from the expert `parent`."""

    child: int
    parent: int


def heirs(handicaps: Sequence[float], seen: Sequence[int]) -> tuple[Heir, ...]:
    """Who is made anew from whom.

    Args:
        handicaps: What keeps tokens from each expert; endless where it broke.
        seen: Tokens that each saw in the window at hand: what tells loads apart where handicaps are the same.
    """
    broken = [expert for expert, handicap in enumerate(handicaps) if handicap == inf]
    sound = sorted(set(range(len(handicaps))).difference(broken), key=lambda expert: (-handicaps[expert], -seen[expert], expert))
    return tuple(Heir(child=child, parent=parent) for child, parent in zip(broken, sound, strict=False))


def renew(mover: Mover, heir: Heir) -> None:
    """Give the child its parent's weights; all else that travels with it, moments and steps, begins at zero.

    The weights pass over the desk, in the memory of a gradient. Nothing may be waiting to be learned.
    """
    mover.go_round(_Copy(heir.parent, writes=False))
    mover.go_round(_Copy(heir.child, writes=True))


class _Copy:
    """A pass for one expert, which is read onto the desk, or written from there."""

    def __init__(self, expert: int, *, writes: bool) -> None:
        self.learning: Collection[int] = (expert,) if writes else ()
        self.answering: Collection[int] = () if writes else (expert,)

    def work(self, visit: Visit, weights: Weights, desk: Desk) -> None:
        held_in_BDF, held_out_BFD = desk.gradients()
        for place in visit.answers:
            held_in_BDF.copy_(weights.in_GDF[place])
            held_out_BFD.copy_(weights.out_GFD[place])
        for place in visit.learns:
            weights.rows_GR[place].zero_()
            weights.in_GDF[place].copy_(held_in_BDF[0])
            weights.out_GFD[place].copy_(held_out_BFD[0])
