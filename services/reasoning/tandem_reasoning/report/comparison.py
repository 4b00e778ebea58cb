"""The table by which older scripts compared two lanes, filled from a run: speed, cost and quality for one, 100 and 500 questions.

Those scripts asked one question after the other, so a lane's time is that of one question after the other; the pair's is the time
that passed, since it asks many at once. More questions than were asked are reckoned from the mean, and nothing else is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tandem_reasoning.report import words
from tandem_reasoning.report.figures import Figures, Side

COUNTS = (1, 100, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A lane, or the pair.

    Attributes:
        system: Its name.
        model: Of the lane.
        question_s: Seconds for a question.
        question_nano: Nano-dollars for a question.
        quality: How often it is right, and on how many questions.
    """

    system: str
    model: str
    question_s: float | None
    question_nano: float | None
    quality: str


def compared(figures: Figures) -> Sequence[Compared]:
    """Each lane, then both."""
    passed = figures.elapsed_s
    pair_s = None if passed is None else passed / (figures.done - 1)  # the clock starts with the first answer
    together = figures.together
    pair = Compared(
        system="both",
        model=words.NOTHING,
        question_s=pair_s,
        question_nano=together.question_nano,
        quality=_quality(together),
    )
    return [*map(_lane, figures.lanes), pair]


def head() -> Sequence[str]:
    """The table's head."""
    counted = [f"{count:,} question{'s' if count > 1 else ''}" for count in COUNTS]
    return ["", "model", *(f"time, {each}" for each in counted), *(f"cost, {each}" for each in counted), "right, of its answers"]


def rows(every: Sequence[Compared]) -> Iterator[Sequence[str]]:
    """The table's rows."""
    for each in every:
        times = [words.seconds(None if each.question_s is None else each.question_s * count) for count in COUNTS]
        costs = [words.dollars(None if each.question_nano is None else each.question_nano * count) for count in COUNTS]
        yield [each.system, each.model or words.NOTHING, *times, *costs, each.quality]


def _lane(side: Side) -> Compared:
    return Compared(
        system=side.name, model=side.model, question_s=side.question_s, question_nano=side.question_nano, quality=_quality(side)
    )


def _quality(side: Side) -> str:
    return f"{words.share(side.right)} of {side.right.of:,}" if side.right.of else words.NOTHING
