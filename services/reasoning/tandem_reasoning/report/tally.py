"""Adds a run up question by question. What it keeps of each is some hundred bytes, so that fifty thousand are a few megabytes."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

from tandem_reasoning.ledger import State
from tandem_reasoning.report.line import Line
from tandem_reasoning.report.proportion import Proportion
from tandem_reasoning.report.rows import named, replayed, scored
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.routing.replay.log import Logged
from tandem_reasoning.scores.answered import Answered
from tandem_reasoning.values import LaneKind

_FAILURES = 20  # that are told one by one


def _doubles() -> "array[float]":
    return array("d")


@dataclass(slots=True, kw_only=True)
class LaneTally:
    """What a lane did.

    Attributes:
        asked: Questions that it was asked.
        answered: Those whose answer that counts is its own, and how many of them were right.
        done: How many those are, labelled or not.
        call_seconds: Of each call.
        cost_nano: Of all its calls that are recorded.
        seconds: Of all questions that it was asked: the longest call of each step.
    """

    asked: int = 0
    done: int = 0
    answered: Proportion = field(default_factory=Proportion)
    call_seconds: "array[float]" = field(default_factory=_doubles)
    cost_nano: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a run did.

    Attributes:
        sides: Whose each lane is.
        states: Questions by state.
        known: Questions with a known right answer, answered or not.
        lanes: By name.
        right: Answers that are right, of those that have a label.
        kinds: The same by class of question.
        agreed: Questions that both lanes answered, and how many got the same answer from both.
        escalated: Answered questions in which a cascade went on to its second lane.
        compared: Answered questions that both lanes were asked so that something is learned.
        spared: Questions that a local lane answered alone because the dollars did not reach for the cloud lane.
        instead: Questions that a side answered alone because no lane of the other one could be asked.
        recalled: Answered questions by whether a prompt showed them something of the memory.
        away: Answered questions for which the memory could not be asked.
        at: When each question was answered, seconds since 1970.
        spent_nano: What each of those cost.
        rights: Whether each of those was right: 1, 0, or -1 where nobody knows.
        agreements: Of each question that experts voted on, the part of them that agree.
        votes_right: Whether each of those votes was right: 1, 0, or -1 where nobody knows.
        classes: Number of the class of each.
        apart: 1 for each of those that both lanes were asked in order to learn, else 0.
        labelled: Whether each question of `replays` has a label.
        failures: Ids and reasons of questions that have failed, the first few.
    """

    sides: Sides
    states: Counter[State] = field(default_factory=Counter[State])
    known: int = 0
    lanes: dict[str, LaneTally] = field(default_factory=dict[str, LaneTally])
    right: Proportion = field(default_factory=Proportion)
    kinds: dict[str, Proportion] = field(default_factory=dict[str, Proportion])
    agreed: Proportion = field(default_factory=Proportion)
    escalated: int = 0
    compared: int = 0
    spared: int = 0
    instead: Counter[LaneKind | None] = field(default_factory=Counter[LaneKind | None])
    recalled: Counter[bool | None] = field(default_factory=Counter[bool | None])
    away: int = 0
    at: "array[float]" = field(default_factory=_doubles)
    spent_nano: "array[float]" = field(default_factory=_doubles)
    rights: "array[float]" = field(default_factory=_doubles)
    agreements: "array[float]" = field(default_factory=_doubles)
    votes_right: "array[float]" = field(default_factory=_doubles)
    apart: "array[float]" = field(default_factory=_doubles)
    classes: "array[float]" = field(default_factory=_doubles)
    seconds: float = 0.0
    answered: list[Answered] = field(default_factory=list[Answered])
    replays: list[Logged] = field(default_factory=list[Logged])
    labelled: list[bool] = field(default_factory=list[bool])
    failures: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _experts: dict[str, int] = field(default_factory=dict[str, int])
    _numbers: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, line: Line) -> None:
        """One question."""
        self.states[line.of.state] += 1
        self.known += line.of.question.answer is not None
        self._add_parts(line)
        if line.of.state is State.FAILED and len(self.failures) < _FAILURES:
            self.failures.append((line.of.question.id, line.of.reason))
        if line.done:
            self._add_answer(line)
            self._add_rows(line)

    def lane(self, name: str) -> LaneTally:
        """What a lane did."""
        return self.lanes.setdefault(name, LaneTally())

    def _add_parts(self, line: Line) -> None:
        for name, part in line.parts.items():
            lane = self.lane(name)
            lane.asked += 1
            lane.cost_nano += part.cost_nano
            lane.seconds += part.seconds
        for call in line.of.calls:
            self.lane(call.lane).call_seconds.append(call.seconds)

    def _add_answer(self, line: Line) -> None:
        outcome = line.of.outcome
        assert outcome is not None
        assert line.of.at is not None
        lane = self.lane(outcome.lane)
        lane.done += 1
        for each in (lane.answered, self.right, self.kinds.setdefault(line.of.question.kind, Proportion())):
            each.add(line.right)
        self.escalated += line.escalated
        compared = line.decision is not None and line.decision.compare
        self.compared += compared
        side = self.sides.kind(outcome.lane)
        self.spared += line.spared and side is not LaneKind.CLOUD
        self.instead[side] += line.decision is not None and line.decision.instead
        self.recalled[line.recalled] += 1
        self.away += line.away
        self.seconds += line.seconds
        self.at.append(line.of.at)
        self.spent_nano.append(sum(part.cost_nano for part in line.parts.values()))
        self.rights.append(_known(line.right))
        self.apart.append(float(compared))
        self.classes.append(float(self._numbers.setdefault(line.of.question.kind, len(self._numbers))))

    def _add_rows(self, line: Line) -> None:
        said = line.said
        assert said is not None
        if said.share is not None:
            self.agreements.append(said.share)
            self.votes_right.append(_known(None if said.label is None else said.vote == said.label))
        named(self._experts, (*said.earlier, *said.experts))
        row = replayed(line, self.sides)
        if (score := scored(line, self.sides, self._experts)) is not None:
            self.answered.append(score)
            self.agreed.add(None if score.local is None or score.cloud is None else score.local == score.cloud)
        if row is not None:
            self.replays.append(row)
            self.labelled.append(said.label is not None)


def _known(fact: bool | None) -> float:  # noqa: FBT001 - what is counted
    """As a column has it."""
    return -1.0 if fact is None else float(fact)
