"""What an expert is told: text that all experts of a question share comes first, and the expert's own role last.

A server that has read a text need not read it again when the next prompt begins with the same one (prefix caching, as in vLLM and
llama.cpp). So the order is from what changes least to what changes most: how to answer (the whole run), the question and what was
recalled for it (all its calls), the step before (all calls of a step), the role (one call).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tandem_reasoning.values import Message, Prompt, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """A role that a model takes while it thinks about a question; an empty role adds nothing to the prompt."""

    name: str
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What is shown of one record of the shared memory.

    Attributes:
        question: What was asked then.
        answer: What was answered.
        strategy: Short items that say how, or what to beware of.
    """

    question: str
    answer: str
    strategy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words around what is shown; a heading that is empty is left out, its text is not.

    Attributes:
        manner: How to answer, the same in all prompts of a run.
        question: Heading of the question.
        recalled: Heading of what was recalled.
        earlier: Heading of what the step before came to.
        role: Heading of the expert's role.
    """

    manner: str = (
        "You are one of several experts who think about the same question. Be brief and concrete. "
        "End with one line that begins with 'Answer:' and holds the final answer alone, as short as it can be."
    )
    question: str = "Question:"
    recalled: str = "From earlier questions; it may help, it may not apply, and it may be wrong:"
    earlier: str = "What the experts answered in the step before; keep what holds and change what does not:"
    role: str = "Your part:"


BARE = Wording(manner="", question="", recalled="", earlier="", role="")
"""Nothing but what is shown itself: for models that follow no instructions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all experts of a step have in common.

    Attributes:
        question: What is asked. Its right answer is never shown.
        recalled: What the shared memory knows of it, nearest first.
        earlier: What `steps.shown` tells of the step before; empty in the first one.
    """

    question: Question
    recalled: tuple[Recalled, ...] = ()
    earlier: str = ""


def prompt(shared: Shared, expert: Expert, *, max_tokens: int, temperature: float = 0.0, wording: Wording = Wording()) -> Prompt:
    """The prompt of one call; prompts of the same `shared` differ in nothing but their end.

    Args:
        shared: What all experts of the step are shown.
        expert: Who is asked.
        max_tokens: Most tokens of the answer.
        temperature: 0 for the likeliest answer.
        wording: The words around it.
    """
    system = "\n\n".join(part for part in (wording.manner, _under(wording.recalled, _memory(shared.recalled))) if part)
    parts = (
        _under(wording.question, shared.question.text),
        _under(wording.earlier, shared.earlier),
        _under(wording.role, expert.role),
    )
    user = "\n\n".join(part for part in parts if part)
    messages = [Message(role="system", content=system)] if system else []
    return Prompt(messages=(*messages, Message(role="user", content=user)), max_tokens=max_tokens, temperature=temperature)


def rendered(asked: Prompt) -> str:
    """All that is said, one message after the other; how much of it two prompts share says what a server need not read again."""
    return "\n".join(f"{message.role}: {message.content}" for message in asked.messages)


def _under(heading: str, text: str) -> str:
    """The text below its heading; nothing when there is no text."""
    return f"{heading}\n{text}" if heading and text else text


def _memory(records: Sequence[Recalled]) -> str:
    return "\n".join(line for record in records for line in _lines(record))


def _lines(record: Recalled) -> Iterator[str]:
    if record.question or record.answer:
        yield " ".join(part for part in (record.question, record.answer) if part)
    for item in record.strategy:
        yield f"- {item}"
