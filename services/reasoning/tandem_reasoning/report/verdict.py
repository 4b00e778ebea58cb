"""The three questions that a report answers, in sentences: what it cost, what was learned, and whether one lane would have done.

Two accuracies are only called different where their 95 % intervals do not meet; else a sentence says that they cannot be told apart.
"""

from collections.abc import Iterator, Sequence

from tandem_reasoning.ledger import State
from tandem_reasoning.report import words
from tandem_reasoning.report.alone import Alone
from tandem_reasoning.report.figures import Figures
from tandem_reasoning.scores.score import Interval, Score
from tandem_reasoning.values import LaneKind


def sentences(figures: Figures) -> Sequence[str]:
    """All of them, in the order that people ask."""
    return [_progress(figures), _cost(figures), *_stood_in(figures), *_one_lane(figures), *_learning(figures)]


def _progress(figures: Figures) -> str:
    failed, left = figures.states.get(State.FAILED, 0), figures.total - figures.done - figures.states.get(State.FAILED, 0)
    rest = [f"{count:,} {what}" for count, what in ((failed, "failed"), (left, "are left")) if count]
    answered = f"{figures.done:,} of {figures.total:,} questions are answered"
    right = figures.together.right
    told = f", {words.share(right)} of the {right.of:,} with a known answer rightly" if right.of else _unlabelled(figures)
    return f"{answered}{told}{'; ' + words.listed(rest) if rest else ''}."


def _unlabelled(figures: Figures) -> str:
    """Why nothing is called right."""
    if not figures.known:
        return "; none has a known right answer"
    return "; none of these has a known right answer" if figures.done else ""


def _cost(figures: Figures) -> str:
    books, together = figures.together.books, figures.together
    cap = f" of {words.dollars(figures.cap_nano)} allowed" if figures.cap_nano is not None else ""
    unproven = f", {words.dollars(books.unconfirmed_nano)} of it without a proof" if books.unconfirmed_nano else ""
    each = f"; an answered question's calls cost {words.dollars(together.question_nano)} in the mean" if figures.done else ""
    return f"It cost {words.dollars(books.spent_nano)}{cap}{unproven}{each}."


def _stood_in(figures: Figures) -> Iterator[str]:
    """Where a lane answered that was not to, or not alone."""
    if figures.cap_nano is not None and figures.together.books.spent_nano > figures.cap_nano:
        yield "That is more than was allowed: a server billed more than it was asked for, or a lane cost some by the hour to the end."
    if figures.spared:
        yield f"For want of money {_were(figures.spared)} answered by the local lane alone: with more the cloud lane had been asked."
    for side, count in sorted(figures.instead.items()):
        other = next(kind for kind in LaneKind if kind is not side)
        yield f"{_were(count)} answered by the {side.lower()} lane alone, since no {other.lower()} lane could be asked."


def _were(count: int) -> str:
    return f"{count:,} question was" if count == 1 else f"{count:,} questions were"


def _one_lane(figures: Figures) -> Iterator[str]:
    if not figures.alone:
        yield "Whether one lane would have done cannot be told: no answer can be compared with a right one or with another lane's."
        return
    if not figures.labelled:
        yield "No question has a known answer, so a local answer counts here when it is the cloud lane's."
    yield from (_of_one(each, figures) for each in figures.alone if figures.labelled or each.kind is LaneKind.LOCAL)
    kinds = {each.kind for each in figures.alone}
    yield from (f"The {kind.value.lower()} lane alone cannot be judged: it was not asked." for kind in LaneKind if kind not in kinds)


def _of_one(each: Alone, figures: Figures) -> str:
    worth, cost = each.found.worth, each.found.cost_nano
    assert worth is not None
    assert cost is not None
    told = f"{each.name.capitalize()}: {words.with_interval(worth.mean, worth.interval)} for {words.dollars(cost.mean)} a question"
    run, pair_cost = figures.together.right, figures.together.question_nano
    if not figures.labelled or run.interval is None or pair_cost is None:
        return f"{told}."
    return f"{told}. {_compared(worth.interval, run.interval, cost.mean, pair_cost)}"


def _compared(one: Interval | None, pair: Interval, one_nano: float, pair_nano: float) -> str:
    money = (
        f"the pair cost {pair_nano / one_nano:.2f} times as much" if one_nano else f"the pair cost {words.dollars(pair_nano)} a question"
    )
    if one is None:
        return "Too few were seen to say more."
    if one.high < pair.low:
        return f"It would not have done: the pair was right more often; {money}."
    if one.low > pair.high:
        return f"It would have been right more often than the pair; {money}."
    return f"Its accuracy cannot be told from the pair's; {money}."


def _learning(figures: Figures) -> Iterator[str]:
    learned = figures.learned
    lift = next((score for score in figures.scores if score.name == "crossLaneLift"), None)
    yield _memory(lift)
    if learned.away:
        yield f"The memory could not be asked for {learned.away:,} of the answers: they went on without it."
    if 0 < learned.compared == figures.done:
        yield f"All {learned.compared:,} were asked of both lanes, to learn who is to be asked: so few that none was routed by it."
    if learned.first.of and learned.second.of:
        halves = f"{words.share(learned.first)} in the first half of each class, {words.share(learned.second)} in the second"
        yield f"Routed questions were answered rightly in {halves}."
    if learned.agreed.of:
        yield f"On the {learned.agreed.of:,} questions that both lanes answered they said the same in {words.share(learned.agreed)}."


def _memory(lift: Score | None) -> str:
    if lift is None or lift.value is None:
        return "What the shared memory is worth cannot be told: no questions with a known answer were held out from it."
    said = words.figure(lift.value, lift.interval)
    if lift.interval is None or lift.interval.touches(0):
        return f"The shared memory's lift in accuracy is {said}: it cannot be told from nothing."
    return f"The shared memory's lift in accuracy is {said}."
