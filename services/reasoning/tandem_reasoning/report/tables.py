"""The tables of a report, cell by cell, as people read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tandem_reasoning.report import words
from tandem_reasoning.report.alone import Alone
from tandem_reasoning.report.figures import Figures, Side
from tandem_reasoning.report.words import NOTHING
from tandem_reasoning.scores.catalogue import ALIASES
from tandem_reasoning.scores.score import Score

SCORES_NOTE = (
    "Intervals are 95 %. An AUROC of 0.5 is chance: unless its interval lies above that, a score is unvalidated and may be noise. "
    "A dash is what could not be measured. The score named agreement is the leading answer's mean share of the votes, and not whether "
    "lanes said the same."
)
COMPARISON_NOTE = (
    "A lane's time is that of one question after the other; the time of both is what passed, because many are asked at once. More "
    "questions than were asked are reckoned from the mean. A lane's own answers are not drawn by lot, so compare lanes in the first table."
)
_ALONE_NOTE = (
    "Reckoned from what the run saw: a question that a lane was not asked counts as those of its class that the lane was asked. The last "
    "column is how many questions, all of them seen, would tell as much."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; `text` says that its cells are words."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: bool = False


def alone(figures: Figures) -> Table:
    """Each lane alone beside the run, then what a coin is worth for the run's money."""
    worth = "right" if figures.labelled else "as the cloud lane"
    head = ["", worth, "cost of a question", "questions it is known of", "counting as"]
    rows = [_alone(each) for each in figures.alone]
    together = figures.together
    if together.done:
        rows.append(
            ["this run", words.share(together.right), words.dollars(together.question_nano), words.number(together.right.of), NOTHING]
        )
    if figures.curve is not None:
        (run,) = figures.curve.points
        coin = figures.curve.random_at(run.cost_nano)
        rows.append(["a coin between the lanes for as much", words.percent(coin), words.dollars(run.cost_nano), NOTHING, NOTHING])
        if (best := figures.curve.oracle) is not None:
            rows.append(
                [
                    f"{best.name}, who knows the cheapest right answer",
                    words.percent(best.worth),
                    words.dollars(best.cost_nano),
                    NOTHING,
                    NOTHING,
                ]
            )
    return Table(caption=_ALONE_NOTE, head=head, rows=rows)


def kinds(figures: Figures) -> Table:
    """Accuracy by class."""
    rows = [
        [each.kind or NOTHING, words.number(each.questions), *map(words.percent, (each.local, each.cloud, each.run))]
        for each in figures.kinds
    ]
    return Table(caption="Right answers by class", head=["", "questions", "local lane", "cloud lane", "this run"], rows=rows)


def lanes(figures: Figures) -> Table:
    """A column for each lane, one for all."""
    sides = [*figures.lanes, figures.together]
    return Table(caption="", head=["", *(side.name for side in figures.lanes), "together"], rows=list(_sides(sides)))


def learned(figures: Figures) -> Table:
    """What may have been learned."""
    told = figures.learned
    rows = [
        ["right in the first half of each class, routed questions", words.share(told.first)],
        ["right in the second halves", words.share(told.second)],
        ["both lanes said the same, where both were asked", words.share(told.agreed)],
        ["handed on to the second lane", words.number(told.escalated)],
        ["asked of both lanes in order to learn", words.number(told.compared)],
        ["answers shown something of the memory", words.number(told.recalled)],
        ["answers shown nothing of it", words.number(told.not_recalled)],
        ["answers for which it could not be asked", words.number(told.away)],
    ]
    return Table(caption="", head=["", "this run"], rows=rows if figures.done else [])


def agreement(figures: Figures) -> Table:
    """Agreement and correctness."""
    rows = [[f"{each.low:.1f} to {each.high:.1f}", words.number(each.answers), words.share(each.right)] for each in figures.bins]
    return Table(
        caption="Votes by the share that the leading answer has, whether or not it is the answer that counts",
        head=["share of the votes", "questions", "right"],
        rows=rows,
    )


def scores(figures: Figures) -> Table:
    """Every score of the catalogue."""
    head = ["", "value", "baseline", "AUROC", "", "items", "formula"]
    return Table(caption="", head=head, rows=[_score(score) for score in figures.scores] if figures.done else [])


def older(figures: Figures) -> Table:
    """The names of the first scripts, and what is shown in their place."""
    by_name = {score.name: score for score in figures.scores}
    rows = [[name, real, words.figure(by_name[real].value, by_name[real].interval)] for name, real in sorted(ALIASES.items())]
    return Table(caption="", head=["older name", "shown as", "value"], rows=rows if figures.done else [], text=True)


def events(figures: Figures) -> Table:
    """What happened, by kind."""
    rows = [[each.kind, words.number(each.count), words.moment(each.first_at), words.moment(each.last_at)] for each in figures.events]
    return Table(caption="Events", head=["", "times", "first", "last"], rows=rows)


def failures(figures: Figures) -> Table:
    """Questions that have failed, and why."""
    rows = [[name, reason or NOTHING] for name, reason in figures.failures]
    return Table(caption="Questions that have failed, the first ones", head=["question", "why"], rows=rows, text=True)


def _alone(each: Alone) -> Sequence[str]:
    worth, cost = each.found.worth, each.found.cost_nano
    assert worth is not None
    assert cost is not None
    told = words.with_interval(worth.mean, worth.interval)
    return [each.name, told, words.dollars(cost.mean), words.number(each.found.seen), words.number(each.found.effective)]


def _sides(sides: Sequence[Side]) -> Iterator[Sequence[str]]:
    yield ["model", *(side.model or NOTHING for side in sides)]
    yield ["questions asked", *(words.number(side.asked) for side in sides)]
    yield ["questions answered", *(words.number(side.done) for side in sides)]
    yield ["right, of its own answers", *(words.share(side.right) for side in sides)]
    yield ["spent", *(words.dollars(side.books.spent_nano) for side in sides)]
    yield ["of it without a proof", *(words.dollars(side.books.unconfirmed_nano) for side in sides)]
    yield ["of it paid twice", *(words.dollars(side.books.rebilled_nano) for side in sides)]
    yield ["of it beside calls", *(words.dollars(side.books.charged_nano) for side in sides)]
    yield ["its hours at its price", *(words.dollars(side.hours_nano) for side in sides)]
    yield ["cost of a question", *(words.dollars(side.question_nano) for side in sides)]
    yield ["time of a question", *(words.seconds(side.question_s) for side in sides)]
    yield ["tokens read", *(words.number(side.books.input_tokens) for side in sides)]
    yield ["tokens written", *(words.number(side.books.output_tokens) for side in sides)]
    yield ["calls recorded", *(words.number(side.books.calls) for side in sides)]
    yield ["calls begun", *(words.number(side.calls.begun) for side in sides)]
    yield ["of them hedges", *(words.number(side.calls.hedges) for side in sides)]
    yield ["of them made again", *(words.number(side.calls.again) for side in sides)]
    yield ["of them free of cost", *(words.number(side.calls.freed) for side in sides)]
    yield ["a call took, median", *(words.seconds(side.calls.median_s) for side in sides)]
    yield ["a call took, p99", *(words.seconds(side.calls.p99_s) for side in sides)]


def _score(score: Score) -> Sequence[str]:
    validated = {True: "validated", False: "unvalidated", None: NOTHING}[score.validated if score.value is not None else None]
    auroc = words.figure(score.auroc, score.auroc_interval)
    value = words.figure(score.value, score.interval)
    return [score.name, value, words.figure(score.baseline), auroc, validated, words.number(score.items), score.formula]
