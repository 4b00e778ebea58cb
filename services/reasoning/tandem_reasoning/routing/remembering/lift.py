"""What the shared memory is worth so far: how it went with a record less how it went without, where nothing but a draw made a difference.

It is reckoned as the score crossLaneLift is, over records of any source. Where no question has a label, what the experts' agreement
rises by stands in for it: agreement says with some certainty whether an answer is right (AUROC 0.8 on the two small models).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tandem_reasoning.scores.answered import Answered, Recall, table
from tandem_reasoning.scores.catalogue import CATALOGUE
from tandem_reasoning.scores.measures import lift as measure
from tandem_reasoning.scores.resampling import around, intervals, once
from tandem_reasoning.scores.score import Score

NAME = "memoryLift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """How a question went for which the memory had a record.

    Attributes:
        shown: Whether it was shown; else the question was held out.
        right: Whether its answer is right; None when nobody knows.
        agreement: Part of the experts that agreed; None when one was asked.
    """

    shown: bool
    right: bool | None
    agreement: float | None


def lift(gone: Sequence[Gone], *, hold_out: float, seed: int = 0) -> Score:
    """How much better it goes with a record.

    Args:
        gone: Questions for which there was one.
        hold_out: Chance with which each was held out.
        seed: Of the bootstrap.
    """
    worth = [None if each.right is None else float(each.right) for each in gone]
    if all(each is None for each in worth):
        worth = [each.agreement for each in gone]
    known = [(each.shown, value) for each, value in zip(gone, worth, strict=True) if value is not None]
    rows = table([Answered(taken="", recall=Recall(shown=shown, hold_out=hold_out)) for shown, _ in known])
    columns = replace(rows, taken_right_N=np.array([value for _, value in known], np.float64))
    arms = measure.arms(columns)
    shown, held = arms(once(columns.items))
    (spread,) = intervals([lambda weights: float(np.subtract(*arms(weights)))], columns.items, seed=seed)
    value = shown - held if np.isfinite(shown - held) else None
    return Score(
        name=NAME,
        value=value,
        items=columns.items,
        formula=CATALOGUE["crossLaneLift"].formula,
        baseline=0.0,
        interval=around(spread, value) if value is not None else None,
        parts={"with": _told(shown), "without": _told(held), "held out": float(measure.held_out(columns))},
    )


def _told(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
