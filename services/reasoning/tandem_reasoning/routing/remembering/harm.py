"""When memory is not asked any more: as soon as it is known to do harm, by the items that were held out from it."""

from tandem_reasoning.scores.score import Score

_HELD_OUT = 20  # items without memory before anything is believed; with 5 % held out, after some 400 items


def harmful(lift: Score, *, least: int = _HELD_OUT) -> bool:
    """Whether the whole interval of the score crossLaneLift lies below 0, and enough items were held out.

    It is for a person to turn memory on again: without memory nothing more is learned of it.
    """
    held_out = lift.parts.get("held out") or 0
    return lift.interval is not None and lift.interval.high < 0 and held_out >= least
