"""Whether a taught model takes over: only if it is right more often, by enough and not by luck, and no class of questions loses by it.

Both models answered the same questions, so only those count that one of them had right and the other one had not. It is promoted if

- it gains at least 2 points over all, and more of such questions are its own than chance explains (Wilson's 95 % interval of its part
  of them lies above one half);
- no class loses more than 2 points. In a class of fewer than 50 questions a single one is more than 2 points. Such classes are judged
  together as one, if they are 50 together; and each for itself by whether it lost more questions than chance explains.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tandem_reasoning.report.proportion import Proportion
from tandem_reasoning.scores.score import Interval

LEAST = 30
"""Questions without which nothing is decided: of fewer, one is more than 3 points, and 2 are the gain that is asked."""

SMALL = "all small classes"
"""Name of the classes that are judged together."""

NAMELESS = "without a class"
"""Name of the class of questions that have none."""

_HALF = 0.5
_Z = 1.96  # standard errors: 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is asked of a model that takes over.

    Attributes:
        min_gain: More of all questions that it must have right, 0 to 1.
        max_loss: More of the questions of a class that it may have wrong, above 0 to 1.
    """

    min_gain: float = 0.02
    max_loss: float = 0.02

    @property
    def large(self) -> int:
        """Questions of a class from which on one of them is no more than may be lost."""
        return math.ceil(round(1 / self.max_loss, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A question of a class, and whether the models before and after had it right."""

    kind: str
    before: bool
    after: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Questions that are judged together.

    Attributes:
        name: Of the class.
        questions: How many.
        before: Right before.
        after: Right after.
        won: Right only after.
        lost: Right only before.
    """

    name: str
    questions: int
    before: int
    after: int
    won: int
    lost: int

    @property
    def gain(self) -> float:
        """More of the questions that are right after, -1 to 1; 0 of none."""
        return (self.won - self.lost) / self.questions if self.questions else 0.0

    @property
    def interval(self) -> Interval | None:
        """Between what the gain lies, 95 %; None of no questions.

        That of Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions": half a question more
        of each of the four kinds, so that few questions of which none is lost do not pass for proof that none ever is.
        """
        if not self.questions:
            return None
        of, won, lost = self.questions + 2, self.won + _HALF, self.lost + _HALF
        middle, wide = (won - lost) / of, _Z * math.sqrt(won + lost - (won - lost) ** 2 / of) / of
        return Interval(max(-1.0, middle - wide), min(1.0, middle + wide))

    @property
    def surely_won(self) -> bool:
        """Whether it won more than chance explains."""
        return _beyond_chance(self.won, self.lost)

    @property
    def surely_lost(self) -> bool:
        """Whether it lost more than chance explains."""
        return _beyond_chance(self.lost, self.won)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is decided, and by what.

    Attributes:
        promoted: Whether the taught model takes over.
        reasons: Why not; empty when it does.
        whole: All questions.
        classes: By class.
        small: Classes that are too small to show what may be lost, together; None when there are none.
    """

    promoted: bool
    reasons: tuple[str, ...]
    whole: Slice
    classes: tuple[Slice, ...]
    small: Slice | None


def decide(judged: Sequence[Judged], rule: Rule = Rule()) -> Verdict:
    """The verdict.

    Args:
        judged: Questions that neither model was taught.
        rule: What is asked.
    """
    by_kind: dict[str, list[Judged]] = {}
    for each in judged:
        by_kind.setdefault(each.kind, []).append(each)
    classes = tuple(_slice(kind or NAMELESS, by_kind[kind]) for kind in sorted(by_kind))
    few = [each for each in judged if len(by_kind[each.kind]) < rule.large]
    small, whole = _slice(SMALL, few) if few else None, _slice("all", judged)
    reasons = tuple(_reasons(whole, classes, small, rule))
    return Verdict(promoted=not reasons, reasons=reasons, whole=whole, classes=classes, small=small)


def _reasons(whole: Slice, classes: Iterable[Slice], small: Slice | None, rule: Rule) -> Iterator[str]:
    """Why the model does not take over."""
    if whole.questions < LEAST:
        yield f"only {whole.questions} questions were kept back to judge it by, and {LEAST} are the least"
        return
    if (whole.won - whole.lost) < rule.min_gain * whole.questions:
        yield f"it gains {_points(whole.gain)}, and {_points(rule.min_gain)} are asked"
    elif not whole.surely_won:
        yield f"it wins {whole.won} questions and loses {whole.lost}, which may be luck"
    several = sum(each.questions < rule.large for each in classes) > 1
    for each in (*classes, *([small] if small and several else [])):
        if each.questions >= rule.large:
            if (each.lost - each.won) > rule.max_loss * each.questions:
                yield f"{each.name} loses {_points(-each.gain)}, and {_points(rule.max_loss)} are allowed"
        elif each.surely_lost:
            yield f"{each.name} wins {each.won} and loses {each.lost} of {each.questions} questions, which is no luck"


def _slice(name: str, every: Sequence[Judged]) -> Slice:
    return Slice(
        name=name,
        questions=len(every),
        before=sum(each.before for each in every),
        after=sum(each.after for each in every),
        won=sum(each.after and not each.before for each in every),
        lost=sum(each.before and not each.after for each in every),
    )


def _beyond_chance(mine: int, others: int) -> bool:
    interval = Proportion(mine, mine + others).interval
    return interval is not None and interval.low > _HALF


def _points(part: float) -> str:
    return f"{100 * part:.1f} points"
