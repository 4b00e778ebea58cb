"""What a step shows of the step before, and whether there is another one at all.

All experts of a step see the same text, so that servers read it once: each different answer with its number of votes and one reason
for it, most votes first, no names. Where all agree, another round would cost as much and, as far as is known, change nothing.
"""

from collections.abc import Sequence

from tandem_reasoning.thinking.answers import final, reasoning
from tandem_reasoning.thinking.vote import plurality

_ANSWERS = 4  # different ones that are shown; the rest has one vote each with eight experts, or hardly more
_CHARACTERS = 400  # of an answer and of a reason: some 100 tokens each, four of both well under a thousand


def shown(replies: Sequence[str], answers: Sequence[str], *, characters: int = _CHARACTERS) -> str:
    """What the next step is told.

    Args:
        replies: What each expert wrote; those that failed are left out by the caller.
        answers: The answer that each stands for, as `answers.keyed` gives it.
        characters: Most characters of each answer and of each reason.
    """
    if not replies:
        return ""
    lines: list[str] = []
    for answer, votes in plurality(answers).counts[:_ANSWERS]:
        said = [reply for reply, stands in zip(replies, answers, strict=True) if stands == answer]
        lines.append(f"- {votes} of {len(replies)}: {_told(min(said, key=_length), characters)}")
    return "\n".join(lines)


def another(step: int, *, max_steps: int, answers: Sequence[str]) -> bool:
    """Whether a step follows `step` (from 1), in which `answers` were given."""
    return step < max_steps and len(set(answers)) > 1


def cut(text: str, characters: int) -> str:
    """The beginning of `text`, ended at a word where there is one."""
    if len(text) <= characters:
        return text
    begun = text[: characters - 1]
    return f"{begun.rsplit(' ', 1)[0] if ' ' in begun else begun}\N{HORIZONTAL ELLIPSIS}"


def _told(reply: str, characters: int) -> str:
    """The final answer of a reply, then what was said before it."""
    parts = (" ".join(text.split()) for text in (final(reply), " ".join(reasoning(reply))))
    return " because: ".join(cut(part, characters) for part in parts if part)


def _length(reply: str) -> tuple[bool, int, str]:
    """The shortest reply that gives a reason comes first; equal ones in an order that does not depend on who was quicker."""
    return not reasoning(reply), len(reply), reply
