"""What an answered question teaches the local model: something new, something it knows already, or nothing.

New is what the cloud lane had to answer: a question that was sent to it, or handed on to it because the local experts were not clear,
or that both lanes were asked and answered differently. What the local model says rightly already is rehearsed, so that it is not
forgotten. An answer is right when it is the label or, where there is none, when both lanes agree on it or all local experts do; a
wrong one of the cloud lane's teaches nothing. Neither does an answer that was given with something recalled in sight: without that
it may be a guess.

Where a whole class is not taught, what the local model says there by itself is a habit, right or wrong. To go on saying it keeps what the
model does there as it was, and with it what is nowhere rehearsed: what a model knows of a class cannot be told question by question
(learning without forgetting: Li and Hoiem, arXiv 1606.09282).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tandem_reasoning.report.line import ALONE, Line, local_answer, single
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.thinking.answers import same
from tandem_reasoning.values import LaneKind, Question


class Use(StrEnum):
    """What a sample is for."""

    LESSON = "lesson"
    REHEARSAL = "rehearsal"
    HABIT = "habit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A question, and what the model is to say to it.

    Attributes:
        question: What is asked.
        reply: The whole text, as a lane gave it; empty for a habit.
        use: Whether it is new to the local model.
        replies: Of a habit, what the model said in answer to each prompt, by the expert whose prompt it was.
    """

    question: Question
    reply: str
    use: Use
    replies: Mapping[str, str] = field(default_factory=dict[str, str])

    def reply_to(self, expert: str) -> str | None:
        """What it is to say to the prompt of an expert; None when that prompt is not shown."""
        return self.replies.get(expert) if self.use is Use.HABIT else self.reply


def sample(line: Line, sides: Sides) -> Sample | None:
    """What a question teaches; None when that is nothing.

    Args:
        line: The question, and all that was said to it.
        sides: Whose each lane is.
    """
    use = _use(line, sides)
    if use is None or line.said is None or line.recalled:
        return None
    reply = cloud_reply(line, sides) if use is Use.LESSON else _local_reply(line, sides)
    return None if reply is None else Sample(question=line.of.question, reply=reply, use=use)


def habit(line: Line, sides: Sides) -> Sample | None:
    """What the local model said to a question in a first step; None when it was not asked, or something recalled was in sight."""
    if line.recalled:
        return None
    said = [call for call in line.of.calls if call.place.step == 1 and sides.kind(call.lane) is LaneKind.LOCAL]
    replies = {call.place.expert: call.answer for call in said if call.answer.strip()}  # nothing is no habit to keep up
    return Sample(question=line.of.question, reply="", use=Use.HABIT, replies=replies) if replies else None


def cloud_reply(line: Line, sides: Sides) -> str | None:
    """What the cloud lane wrote, as it was asked last; None when it was not asked."""
    said = [call.answer for call in line.of.calls if call.place.expert == ALONE and sides.kind(call.lane) is LaneKind.CLOUD]
    return said[-1] if said else None


def _use(line: Line, sides: Sides) -> Use | None:
    """What it is for, by what the lanes said."""
    if line.said is None:
        return None
    label, cloud, local = line.said.label, single(line.said, sides, LaneKind.CLOUD), local_answer(line, sides)
    known = local is not None and (local == label if label is not None else local == cloud if cloud is not None else _unanimous(line))
    if known and not line.escalated:
        return Use.REHEARSAL
    taught = cloud is not None and (label is None or cloud == label)
    return Use.LESSON if taught else None


def _unanimous(line: Line) -> bool:
    """Whether more than one local expert was asked, and all said the same."""
    return line.said is not None and line.said.share == 1 and len(line.said.experts) > 1


def _local_reply(line: Line, sides: Sides) -> str | None:
    """A text of the local model's own that says what is right; None where its words are alike to that only by way of a third."""
    question, outcome = line.of.question, line.of.outcome
    right = question.answer if question.answer is not None or outcome is None else outcome.answer
    said = [call.answer for call in line.of.calls if sides.kind(call.lane) is LaneKind.LOCAL]
    return next((reply for reply in said if right is not None and same([right, reply])), None)
