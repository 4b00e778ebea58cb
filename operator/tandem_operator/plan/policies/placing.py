"""What holds up those that are to run: the worst first, in the words of the platform; the same for workers of training and parts of a pair.

The tiers are those of `values.Tier`, after Kueue's KEP-10852: what only a person can mend comes before what passes by itself. Whoever
has a machine and only starts is held up by nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tandem_operator.plan.values import Tier, Waiting

TOLD: Final = tuple(tier.value for tier in Tier if tier is not Tier.START)
"""Reasons that are worth an event; a start that takes its time is none."""

_WORST_FIRST: Final = tuple(Tier)
_LONGEST_MESSAGE: Final = 1000  # characters; schedulers tell of every node


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether all have their machines, and if not, what they wait for."""

    scheduled: bool
    reason: str
    message: str = ""


def worst(waits: Iterable[tuple[str, Waiting]], *, of: int, who: str) -> Standing | None:
    """The worst tier, how many wait, and what is said of the first that waits for just that.

    Args:
        waits: Names with what each waits for, in the order in which they are quoted.
        of: How many there are to be.
        who: What they are called, such as workers.

    Returns:
        None when nobody is held up.
    """
    held = [(name, waiting) for name, waiting in waits if _held_up(waiting)]
    if not held:
        return None
    name, waiting = min(held, key=lambda one: _WORST_FIRST.index(one[1].tier))
    said = " ".join(waiting.message.split())[:_LONGEST_MESSAGE]
    count = f"{len(held)} of {of} {who} {'wait' if held[1:] else 'waits'}"
    return Standing(scheduled=False, reason=waiting.tier, message=f"{count}: {name}" + (f": {said}" if said else ""))


def refused(refusal: Waiting, *, who: str) -> Standing:
    """The platform would not have some that were to be started; they are asked for again."""
    return Standing(scheduled=False, reason=refusal.tier, message=f"{who} are refused: {refusal.message[:_LONGEST_MESSAGE]}")


def _held_up(waiting: Waiting) -> bool:
    return not waiting.placed or waiting.tier is not Tier.START
