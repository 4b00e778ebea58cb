"""What one question comes to: its answer and whether that is right, what each lane did for it, and what other decisions would have come to.

Answers are compared as texts that stand for them (`thinking.answers.keyed`), the right one among them: the same text is the same answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tandem_reasoning.ledger import Reviewed, State
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.routing.decision import Decision, Mode
from tandem_reasoning.routing.replay import choice
from tandem_reasoning.scores.answered import Recall
from tandem_reasoning.thinking import answers, vote
from tandem_reasoning.values import Call, LaneKind

ALONE = "alone"
"""Expert of a call that asks nothing but the question: a lane's single greedy answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a lane did for a question.

    Attributes:
        calls: Recorded for it.
        tokens: Read and written, as the lane counts them.
        cost_nano: What they cost.
        seconds: The longest call of each step, steps added up.
    """

    calls: int
    tokens: int
    cost_nano: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said to a question, each answer as the text that stands for it; None where nobody was asked.

    Attributes:
        taken: The answer that counts.
        label: The right one.
        experts: By name, in the last step.
        earlier: The same in the step before.
        vote: What most experts said in the last step.
        share: Part of them that did.
        single: By lane: its single greedy answer.
    """

    taken: str
    label: str | None
    experts: Mapping[str, str]
    earlier: Mapping[str, str]
    vote: str | None
    share: float | None
    single: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One question of a report.

    Attributes:
        of: The question, its outcome and its calls.
        decision: How lanes were chosen; None when it is not known.
        said: What was said to it; None until it is answered.
        parts: What each lane did for it.
        escalated: Whether the first lane's answer was not clear enough, so that the second was asked.
        seconds: What it took one call after the other, those of a step at once.
        recalled: Whether a prompt showed it something of the shared memory; None when the run had none.
        recall: Whether it was, of questions that the memory had something for; None for all others.
        away: Whether the memory could not be asked for one of its steps.
    """

    of: Reviewed
    decision: Decision | None
    said: Said | None
    parts: Mapping[str, Part]
    escalated: bool
    seconds: float
    recalled: bool | None
    recall: Recall | None
    away: bool

    @property
    def done(self) -> bool:
        """Whether it was answered."""
        return self.of.state is State.DONE

    @property
    def right(self) -> bool | None:
        """Whether the answer is right; None without a right answer to compare it with."""
        said = self.said
        return None if said is None or said.label is None else said.taken == said.label

    @property
    def spared(self) -> bool:
        """Whether for want of dollars the cloud lane was not asked that else had been."""
        return self.decision is not None and self.decision.missed(None if self.said is None else self.said.share)

    @property
    def voted(self) -> Sequence[Call]:
        """Calls of experts who vote."""
        return [call for call in self.of.calls if call.place.expert != ALONE]


def line(of: Reviewed) -> Line:
    """What a question comes to."""
    outcome = of.outcome
    decided = outcome.decision if outcome else None
    decision = choice.read(decided.choice, propensity=decided.propensity) if decided else None
    detail: Mapping[str, Any] = json.loads(outcome.detail) if outcome else {}
    remembered: Mapping[str, Any] = detail.get("recalled") or {}
    recall = Recall(shown=bool(remembered["shown"]), hold_out=float(remembered["holdOut"])) if remembered.get("records") else None
    lanes: Mapping[str, Any] = detail.get("lanes", {})
    escalated = decision is not None and decision.mode is Mode.CASCADE and not decision.compare and len(lanes) > 1
    by_lane: dict[str, list[Call]] = {}
    for call in of.calls:
        by_lane.setdefault(call.lane, []).append(call)
    parts = {lane: _part(calls) for lane, calls in by_lane.items()}
    return Line(
        of=of,
        decision=decision,
        said=None if outcome is None else _said(of, outcome.answer),
        parts=parts,
        escalated=escalated,
        seconds=_seconds(of.calls, at_once=decision is not None and (decision.compare or decision.mode is Mode.ENSEMBLE)),
        recalled=recall is not None and recall.shown if "recalled" in detail else None,
        recall=recall,
        away=bool(remembered.get("away")),
    )


def local_answer(line: Line, sides: Sides) -> str | None:
    """What the local lane alone says: its vote, or its single answer where its experts were not asked."""
    if line.said is None:
        return None
    return line.said.vote if line.said.vote is not None else single(line.said, sides, LaneKind.LOCAL)


def single(said: Said, sides: Sides, kind: LaneKind) -> str | None:
    """The single answer of a lane of that kind; None when none was asked for."""
    return next((answer for lane, answer in said.single.items() if sides.kind(lane) is kind), None)


def _said(of: Reviewed, taken: str) -> Said:
    """What was said; a call that was made again, from another prompt, counts as it was made last."""
    latest = {(call.place.step, call.place.expert, call.lane if call.place.expert == ALONE else ""): call for call in of.calls}
    asked = [taken, *([] if of.question.answer is None else [of.question.answer]), *(call.answer for call in latest.values())]
    first, *rest = answers.keyed(asked)
    label = None if of.question.answer is None else rest.pop(0)
    told = dict(zip(latest, rest, strict=True))
    experts = [place for place in told if place[1] != ALONE]
    last = max((step for step, _, _ in experts), default=0)
    by_step = {step: {name: told[step, name, lane] for step_, name, lane in experts if step_ == step} for step in (last, last - 1)}
    votes = [answer for answer in by_step[last].values() if answer]
    voted = vote.plurality(votes) if votes else None
    return Said(
        taken=first,
        label=label,
        experts=by_step[last],
        earlier=by_step[last - 1],
        vote=voted and voted.answer,
        share=voted and voted.share,
        single={lane: answer for (_, name, lane), answer in told.items() if name == ALONE},
    )


def _part(calls: Sequence[Call]) -> Part:
    return Part(
        calls=len(calls),
        tokens=sum(call.usage.input_tokens + call.usage.output_tokens for call in calls),
        cost_nano=sum(call.cost_nano for call in calls),
        seconds=_seconds(calls, at_once=False),
    )


def _seconds(calls: Sequence[Call], *, at_once: bool) -> float:
    """The longest call of each step, added up; single calls come after the vote, or beside it when all are asked at once."""
    voted: dict[int, float] = {}
    alone = 0.0
    for call in calls:
        if call.place.expert == ALONE:
            alone = max(alone, call.seconds)
        else:
            voted[call.place.step] = max(voted.get(call.place.step, 0.0), call.seconds)
    steps = sum(voted.values())
    return max(steps, alone) if at_once else steps + alone
