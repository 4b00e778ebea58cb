"""The learning rules that can be chosen: how much an error counts for whom, how weights follow from it, and what passes through.

rule            an error counts              weights change by                          sources
hard_equal      the same for all chosen      gradient descent; the router never learns  seed experiment
responsibility  as its answer counted        gradient descent                           Jacobs et al. 1991; Jordan and Jacobs 1994
local_adam      likewise                     Adam, its moments travel with the expert   Kingma and Ba 2015
hebbian         likewise                     what fires together, lengths kept          Hebb 1949; von der Malsburg 1973
oja             likewise                     the same with Oja's decay                  Oja 1982, 1989
end_to_end      as the gradient has it       Adam; errors go on to router and trunk     the upper bound

But for the last, an expert's error is that of its own answer, as if it had been alone, and ends with it: nothing passes to the trunk or to
another expert. In hard_equal all who were chosen count the same, when they answer and when they learn; in the others they count as the
router thinks of them, and the router learns who explained a token best.

Errors of single answers follow from one pass of the head (`credit.errors`): they are right where its loss is a parabola that bends alike
in all directions, as it was in the seed experiment. Elsewhere hard_equal is the rule of that experiment to second order of the loss only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_OF_DESCENT = 100.0
"""Times Adam's rate, which was 3e-3 where this was chosen; one number for two tasks. Of 30, 100, 300 and 1,000, responsibility ends 400
steps on Python source at 2.14, 2.07, 2.04 and 2.14 nats a token, but 600 windows of a mixture of functions leave 0.17 of the variance
at 100, and 0.24 at 300."""


class Credit(StrEnum):
    """Whom the router learns to credit for a token: nobody, who explained it, or whom the gradient itself does.

    Experts learn by the weight that their answers had: the same for all where nobody is credited, else the router's.
    """

    EQUAL = "equal"
    RESPONSIBILITY = "responsibility"
    GRADIENT = "gradient"


class Change(StrEnum):
    """How weights follow from errors."""

    DESCENT = "descent"
    ADAM = "adam"
    HEBB = "hebb"
    OJA = "oja"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A learning rule.

    Attributes:
        credit: Whom the router learns to credit.
        change: What follows from it.
        rate: Learning rate of experts, as a multiple of the phase's, which is Adam's.
        through: Where errors pass through experts, so that all must stay until the error is known.
    """

    credit: Credit
    change: Change
    rate: float = 1.0
    through: bool = False

    @property
    def moments(self) -> bool:
        """Whether Adam's moments travel with the experts."""
        return self.change is Change.ADAM


RULES: Final = {
    "hard_equal": Rule(credit=Credit.EQUAL, change=Change.DESCENT, rate=_OF_DESCENT),
    "responsibility": Rule(credit=Credit.RESPONSIBILITY, change=Change.DESCENT, rate=_OF_DESCENT),
    "local_adam": Rule(credit=Credit.RESPONSIBILITY, change=Change.ADAM),
    "hebbian": Rule(credit=Credit.RESPONSIBILITY, change=Change.HEBB, rate=_OF_DESCENT),
    "oja": Rule(credit=Credit.RESPONSIBILITY, change=Change.OJA, rate=_OF_DESCENT),
    "end_to_end": Rule(credit=Credit.GRADIENT, change=Change.ADAM, through=True),
}
