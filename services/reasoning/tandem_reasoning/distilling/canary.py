"""Which questions are kept back from teaching, to judge the taught model by, and what is right there.

The question's own text decides by its hash, before anything is looked at: the same question is kept back in every run and every round,
so that no model is ever judged by what it, or the one before it, was taught.
"""

from dataclasses import dataclass
from enum import StrEnum

from tandem_reasoning.distilling.samples import cloud_reply
from tandem_reasoning.report.line import Line, local_answer, single
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.routing.draws import uniform
from tandem_reasoning.thinking.answers import final, normalised
from tandem_reasoning.values import LaneKind, Question

SHARE = 0.2
"""Of all questions: of 1,500 in six classes 50 are kept back in each, which is enough to see a loss of 2 points."""


class Basis(StrEnum):
    """Who says what is right: the question set, the cloud lane, or the local experts where they were all of one mind."""

    LABEL = "the right answer that the question set has"
    CLOUD = "the cloud lane's answer"
    AGREEMENT = "the answer that all local experts agreed on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A question that is kept back; its `answer` is what counts as right.

    Attributes:
        question: What is asked.
        basis: Who says what is right.
    """

    question: Question
    basis: Basis


def kept_back(question: Question, share: float = SHARE) -> bool:
    """Whether a question is for judging, and never for teaching.

    Args:
        question: Which.
        share: Of all questions, 0 to 1.
    """
    return uniform("", normalised(question.text), "canary") < share


def kept(line: Line, sides: Sides) -> Kept | None:
    """A question as the model is judged by it; None where nobody knows what is right, or no lane did.

    A question that neither lane could answer shows nothing but luck: a model that guesses has one right here and another one there.
    """
    said, outcome, question = line.said, line.of.outcome, line.of.question
    if said is None or outcome is None or line.recalled:
        return None
    cloud, local = single(said, sides, LaneKind.CLOUD), local_answer(line, sides)
    if said.label is not None:
        return Kept(question=question, basis=Basis.LABEL) if said.label in (cloud, local) else None
    if cloud:
        return _told(question, final(cloud_reply(line, sides) or ""), Basis.CLOUD)
    if local and said.share == 1 and len(said.experts) > 1:
        return _told(question, outcome.answer, Basis.AGREEMENT)
    return None


def _told(question: Question, answer: str, basis: Basis) -> Kept:
    return Kept(question=Question(id=question.id, text=question.text, answer=answer, kind=question.kind), basis=basis)
