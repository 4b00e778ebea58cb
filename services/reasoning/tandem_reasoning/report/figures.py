"""The figures of a run, all that a report tells: each is measured, or it is None."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tandem_reasoning.ledger import Books, Happened, State
from tandem_reasoning.report.alone import Alone, ByKind
from tandem_reasoning.report.proportion import Proportion
from tandem_reasoning.routing.replay.curve import Curve
from tandem_reasoning.scores.score import Score
from tandem_reasoning.values import LaneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls of a lane, or of all.

    Attributes:
        begun: However they ended.
        hedges: Made beside another one that took long.
        again: Made again after one that failed.
        freed: That cost nothing: not sent, or refused before anything was done.
        median_s: Half of the recorded ones took no longer.
        p99_s: 99 of 100 took no longer.
    """

    begun: int = 0
    hedges: int = 0
    again: int = 0
    freed: int = 0
    median_s: float | None = None
    p99_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A lane, or all of them together.

    Attributes:
        name: The lane's; empty for all.
        kind: Whose it is, as far as that is known.
        model: As its server calls it, as far as that is known.
        asked: Questions that it was asked.
        done: Questions whose answer that counts is its own.
        right: How many of those are right, of those with a label.
        books: Its money, calls and tokens.
        hours_nano: What the hours that the run was open would cost at the lane's price; None where no such price is known. Part of
            the spend only as far as it is charged there.
        calls: What was begun, and how long calls took.
        question_nano: Mean cost of a question that it was asked.
        question_s: Mean time of a question that it was asked, calls of a step at once and steps one after the other.
    """

    name: str
    kind: LaneKind | None
    model: str
    asked: int
    done: int
    right: Proportion
    books: Books
    hours_nano: int | None
    calls: Calls
    question_nano: float | None
    question_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Votes with a like agreement: how many, their mean agreement, how many of the labelled ones are right."""

    low: float
    high: float
    answers: int
    agreement: float
    right: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the pair may have learned.

    Attributes:
        first: Right answers in the first half of each class of questions, by the time of the answer: sets are often in the order of their
            classes. Without those that both lanes were asked in order to learn, most of which come first.
        second: In the second halves.
        recalled: Answers whose prompts showed something of the memory; None for a run without one.
        not_recalled: Answers whose prompts did not; None likewise.
        away: Answers, of these, for which the memory could not be asked; None likewise.
        escalated: Answers for which a cascade went on to its second lane.
        compared: Answers for which both lanes were asked in order to learn.
        agreed: Questions that both lanes answered, and how many got the same answer from both.
    """

    first: Proportion
    second: Proportion
    recalled: int | None
    not_recalled: int | None
    away: int | None
    escalated: int
    compared: int
    agreed: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A run.

    Attributes:
        run_uid: Its identity.
        name: Its name; empty when only the ledger is known.
        made_at: When this was read.
        states: Questions by state.
        first_at: When the first answer came.
        last_at: When the last one did.
        open_s: Seconds that the ledger was open, over all lives of its coordinator.
        cap_nano: Most that may be spent; None is no limit.
        together: All lanes.
        lanes: Each lane.
        known: Questions with a known right answer, answered or not.
        labelled: Whether any answer can be compared with a right one: else worth in `alone` is being what the cloud lane said.
        alone: Each lane alone.
        curve: Quality over cost; None without right answers, or where one side was never seen.
        kinds: Accuracy by class.
        spared: Answers that a local lane gave alone because the dollars did not reach for the cloud lane.
        instead: Answers that a side gave alone because no lane of the other one could be asked, by side.
        spend: Seconds since the first answer, and nano-dollars spent on answers until then.
        bins: Agreement and correctness of votes, whether or not they were the answer that counts.
        scores: As the catalogue has them.
        learned: What may have been learned.
        events: What happened, by kind.
        failures: Ids and reasons of questions that have failed, the first few.
    """

    run_uid: str
    name: str
    made_at: datetime
    states: Mapping[State, int]
    first_at: float | None
    last_at: float | None
    open_s: float
    cap_nano: int | None
    together: Side
    lanes: Sequence[Side]
    known: int
    labelled: bool
    alone: Sequence[Alone]
    curve: Curve | None
    kinds: Sequence[ByKind]
    spared: int
    instead: Mapping[LaneKind, int]
    spend: Sequence[tuple[float, float]]
    bins: Sequence[Bin]
    scores: Sequence[Score]
    learned: Learned
    events: Sequence[Happened]
    failures: Sequence[tuple[str, str]]

    @property
    def total(self) -> int:
        """All questions."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """Answered ones."""
        return self.states.get(State.DONE, 0)

    @property
    def elapsed_s(self) -> float | None:
        """From the first answer to the last; None below two."""
        if self.first_at is None or self.last_at is None or self.last_at <= self.first_at:
            return None
        return self.last_at - self.first_at
