"""Brings the run's router up to date from the books: from all outcomes when a coordinator begins, then from each that comes."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tandem_reasoning.ledger import Books, Outcome, Reader, State, Sums
from tandem_reasoning.routing.answered import answered, near
from tandem_reasoning.routing.estimate import agreement
from tandem_reasoning.routing.learner import Learner, Purse
from tandem_reasoning.routing.replay import choice
from tandem_reasoning.values import Lane, LaneKind, Question

_PAGE = 1000


class Lessons:
    """What outcomes teach."""

    def __init__(
        self, learner: Learner, reader: Reader, sums: Callable[[], Sums], lanes: Mapping[str, Lane], *, paced_nano: int | None
    ) -> None:
        """Learn from all that is there.

        Args:
            learner: Who learns.
            reader: Looks into the books.
            sums: What they add up to.
            lanes: By name.
            paced_nano: Dollars that are to last to the last question, nano-dollars; None where none need to.
        """
        self._learner, self._reader, self._sums, self._paced_nano = learner, reader, sums, paced_nano
        self._cloud = [lane.name for lane in lanes.values() if lane.kind is LaneKind.CLOUD]
        after = 0
        while page := reader.items(after, _PAGE, state=State.DONE):
            for item in page:
                self._learn(item.question, item.outcome)
            after = page[-1].position
        if paced_nano is not None:
            learner.draw_lines(self._purse(sums(), paced_nano))

    def done(self, item: str, detail: str) -> None:
        """A question was answered, and its outcome is in the books, with such a detail."""
        if not self._learner.learns and '"scatter"' not in detail:
            return  # there is nothing to be learned from it
        found = self._reader.item(item)
        assert found is not None
        self._learn(found.question, found.outcome)
        if self._paced_nano is not None:
            self._learner.pace(self._purse(self._sums(), self._paced_nano))

    def _learn(self, question: Question, outcome: Outcome | None) -> None:
        assert outcome is not None
        made = outcome.decision
        p = agreement(near(outcome.detail))
        decision = choice.read(made.choice, propensity=made.propensity) if made else None
        told = answered(question, decision and replace(decision, p=p), outcome.detail)
        self._learner.learn(told, p=p, cloud_nano=self._cloud_nano(self._sums()))

    def _purse(self, sums: Sums, budget_nano: int) -> Purse:
        return Purse(
            budget_nano=budget_nano,
            left_nano=sums.left_nano(budget_nano),
            answer_nano=self._cloud_nano(sums),
            items=sum(sums.items.values()),
            items_left=sums.count(State.READY) + sums.count(State.LEASED),
        )

    def _cloud_nano(self, sums: Sums) -> int:
        """What an answer of a cloud lane has cost so far: one call each, as policies ask it."""
        return sum((sums.lanes.get(name, Books()) for name in self._cloud), Books()).call_nano
