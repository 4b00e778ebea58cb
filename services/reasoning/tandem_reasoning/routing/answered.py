"""What a router learns from one answered question, read from what is kept beside its outcome.

`detail` is JSON that a worker wrote: what each lane said and with which share of its votes, whether they agreed, what the vote of both
would have been. A field that is missing was not asked for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tandem_reasoning.routing.decision import Decision, Mode
from tandem_reasoning.routing.known import Neighbour
from tandem_reasoning.thinking.answers import normalised, same
from tandem_reasoning.values import Question

NEAR = "near"
"""Field of the questions alike that a decision rested on: similarity and agreement of each, nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question, how it was routed, and what the lanes said.

    Attributes:
        question: What was asked.
        decision: Who was asked; None when nobody knows any more.
        agreed: Whether both lanes gave the same answer; None when only one was asked.
        alone: Whether a single greedy call of the first lane gave the last one's answer; None when not both were made.
        answers: What each lane said, in plain form.
        shares: Part of a lane's experts that said it; no entry where one call was made.
        joined: What the vote of both lanes says; None where it was not taken.
        scatter: How many of a lane's experts answered in the first step, and how many different answers they gave.
    """

    question: Question
    decision: Decision | None
    agreed: bool | None
    alone: bool | None
    answers: Mapping[str, str]
    shares: Mapping[str, float]
    joined: str | None
    scatter: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    @property
    def share(self) -> float | None:
        """Of the votes of the lane that was asked first."""
        return self.shares.get(self.decision.lanes[0]) if self.decision and self.decision.lanes else None

    @property
    def handed_on(self) -> bool | None:
        """Whether a cascade's vote was not clear enough; None where no vote decided that."""
        decision, share = self.decision, self.share
        if decision is None or share is None or decision.mode is not Mode.CASCADE or decision.compare:
            return None
        return share < decision.escalate_below

    def right(self, said: str | None) -> bool | None:
        """Whether an answer is right; None when nobody knows."""
        label = self.question.answer
        return None if label is None or said is None else normalised(said) == normalised(label)


def answered(question: Question, decision: Decision | None, detail: str) -> Answered:
    """The same from what is kept."""
    told: Mapping[str, Any] = json.loads(detail)
    lanes: Mapping[str, Mapping[str, Any]] = told.get("lanes", {})
    return Answered(
        question=question,
        decision=decision,
        agreed=told.get("agreed"),
        alone=_alike(told.get("greedy"), lanes.get(decision.lanes[-1]) if decision and decision.lanes else None),
        answers={name: str(said["answer"]) for name, said in lanes.items()},
        shares={name: float(said["share"]) for name, said in lanes.items() if said.get("share") is not None},
        joined=told.get("joined"),
        scatter={name: (int(said["scatter"][0]), int(said["scatter"][1])) for name, said in lanes.items() if "scatter" in said},
    )


def near(detail: str) -> tuple[Neighbour, ...]:
    """The questions alike that a decision rested on."""
    return tuple(Neighbour(similarity=similarity, agreed=agreed) for similarity, agreed in json.loads(detail).get(NEAR, ()))


def _alike(greedy: str | None, other: Mapping[str, Any] | None) -> bool | None:
    return None if greedy is None or other is None else same([greedy, str(other["answer"])])
