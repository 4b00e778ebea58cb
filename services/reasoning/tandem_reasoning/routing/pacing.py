"""Keeps a run to its budget: draws the line above which no dollar is spent so that the rest is expected to cost what it may.

What is expected is what questions of late would have cost. They are sorted by what the cloud lane is expected to gain on them, the
chance that it disagrees; the line is drawn where the dollars end, a quantile of the gain (as RouteLLM calibrates its threshold). It
only ever takes from what the user's own lines would pay for: money that is left over is no reason to spend it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tandem_reasoning.routing.thresholds import Learning, Thresholds

EVERY = 25
"""Answered questions after which the lines are drawn anew."""

RECENT = 200
"""Questions that are looked back at: a quantile of them is known to about 3.5 points."""

_FRACTION = 0.95  # of the money left that is planned for; the rest is for longer answers than expected

_WARMUP, _EXPLORED = 0.2, 0.1  # parts of the dollars that learning may cost at most, at first and then on


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A question of late, as it looked before it was asked.

    Attributes:
        p: Chance that the lanes agree.
        cloud_nano: What the cloud lane's answer costs, nano-dollars.
        escalated: Chance that a local vote on it is handed on, 0 to 1: as often as votes were of late.
    """

    p: float
    cloud_nano: int
    escalated: float = 1.0


def afforded(wanted: Learning, *, budget_nano: int, questions: int, answer_nano: int) -> Learning:
    """How a run learns that has no dollars to learn as wanted: what is learned must leave enough to use it on.

    Args:
        wanted: How the user would have it learn.
        budget_nano: Dollars of the run, nano-dollars.
        questions: Questions of the run.
        answer_nano: What the cloud lane's answer costs, nano-dollars.
    """
    if answer_nano <= 0 or questions <= 0:
        return wanted
    answers = budget_nano / answer_nano
    return replace(
        wanted,
        warmup=min(wanted.warmup, int(answers * _WARMUP)),
        explore=min(wanted.explore, answers / questions * _EXPLORED),
    )


def due(answered: int, *, every: int = EVERY) -> bool:
    """Whether the lines are drawn anew after so many answered questions."""
    return answered > 0 and answered % every == 0


def paced(wanted: Thresholds, recent: Sequence[Predicted], *, left_nano: int, items_left: int, fraction: float = _FRACTION) -> Thresholds:
    """The lines for the rest of the run: `wanted`, with `paid_below` as low as the money asks for.

    Args:
        wanted: The lines that the user set.
        recent: Questions of late, the newest last; the last RECENT of them are looked at.
        left_nano: What is neither spent nor reserved, nano-dollars.
        items_left: Questions that are not yet answered.
        fraction: Part of it that is planned for.
    """
    if not recent or items_left <= 0:
        return wanted
    looked = sorted(recent[-RECENT:], key=lambda each: each.p)
    may_cost = max(left_nano, 0) * fraction / items_left * len(looked)
    paid = -1.0
    for each in looked:
        # of questions with the same chance no one is worth more than another: they are paid for while the money lasts
        if may_cost <= 0 and each.p > paid:
            return replace(wanted, paid_below=each.p)
        may_cost, paid = may_cost - _expected(each, wanted), each.p
    return wanted


def projected(lines: Thresholds, recent: Sequence[Predicted], *, items_left: int) -> int:
    """What the rest is expected to cost with these lines, nano-dollars."""
    looked = recent[-RECENT:]
    return round(sum(_expected(each, lines) for each in looked) / len(looked) * items_left) if looked else 0


def _expected(each: Predicted, lines: Thresholds) -> float:
    """What a question is expected to cost with these lines."""
    if each.p >= min(lines.local_above, lines.paid_below):
        return 0.0
    return each.cloud_nano * (1.0 if each.p < lines.cloud_below else each.escalated)
