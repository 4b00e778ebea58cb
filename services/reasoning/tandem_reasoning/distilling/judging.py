"""Two runs over the same kept-back questions, one with the model before and one with the model after, as one verdict and its words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tandem_reasoning.distilling.verdict import Judged, Rule, Slice, Verdict
from tandem_reasoning.ledger import Review
from tandem_reasoning.report import words
from tandem_reasoning.report.line import line
from tandem_reasoning.report.proportion import Proportion


def judged(before: Path, after: Path) -> tuple[Judged, ...]:
    """Questions that both answered.

    Args:
        before: Books of the run with the model that the lane has.
        after: Those of the run with the model that was taught.

    Raises:
        LedgerError: when one of them cannot be read.
    """
    earlier = {name: right for name, _, right in _answers(before)}
    later = _answers(after)
    return tuple(Judged(kind=kind, before=earlier[name], after=right) for name, kind, right in later if name in earlier)


def sentences(verdict: Verdict, rule: Rule) -> Sequence[str]:
    """The verdict, why, and the figures of all classes."""
    whole = verdict.whole
    before, after = (words.share(Proportion(right, whole.questions)) for right in (whole.before, whole.after))
    return [
        "promoted" if verdict.promoted else f"rejected: {'; '.join(verdict.reasons)}",
        f"of {whole.questions} questions that were kept back, right before: {before}, after: {after}",
        *(_row(each, rule) for each in verdict.classes),
        *_of_small(verdict.small, rule),
    ]


def document(verdict: Verdict, rule: Rule) -> Mapping[str, Any]:
    """The same for programs."""
    slices = [verdict.whole, *verdict.classes, *([verdict.small] if verdict.small else [])]
    return {
        "promoted": verdict.promoted,
        "reasons": list(verdict.reasons),
        "rule": {"minGain": rule.min_gain, "maxLoss": rule.max_loss, "judgedByPointsFrom": rule.large},
        "slices": [_figures(each) for each in slices],
    }


def _answers(ledger: Path) -> Iterator[tuple[str, str, bool]]:
    """Id and class of each answered question, and whether the answer is right."""
    with closing(Review(ledger)) as review:
        for each in map(line, review.questions()):
            if each.right is not None:
                yield each.of.question.id, each.of.question.kind, each.right


def _of_small(small: Slice | None, rule: Rule) -> Iterator[str]:
    if small is not None:
        few = f"a class of fewer than {rule.large} questions cannot show {100 * rule.max_loss:g} points and is judged by more than chance"
        points = (
            f"together they make {100 * small.gain:+.1f} points" if small.questions >= rule.large else "together they are too few as well"
        )
        yield f"{few}; {points}"


def _row(each: Slice, rule: Rule) -> str:
    small = "" if each.questions >= rule.large else ", small"
    between = each.interval
    lies = f", {100 * between.low:+.0f} to {100 * between.high:+.0f}" if between else ""
    return f"  {each.name}: {each.before} -> {each.after} of {each.questions} right ({100 * each.gain:+.1f} points{lies}{small})"


def _figures(each: Slice) -> Mapping[str, Any]:
    between = each.interval
    return {
        "name": each.name,
        "questions": each.questions,
        "rightBefore": each.before,
        "rightAfter": each.after,
        "won": each.won,
        "lost": each.lost,
        "gain": each.gain,
        "gainBetween": [between.low, between.high] if between else None,
    }
