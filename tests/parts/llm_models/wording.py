"""How a question reaches a model: in the very prompts of a DualRun, as `tandem_reasoning.thinking.prompts` words them.

What such a prompt can hold is drawn: what was recalled, which may have nothing to do with the question; what the step before came to;
a role; and the words around all that, or none of them.
"""

import random
import re
from collections.abc import Sequence

from tandem_operator.api.dual_run import EXPERTS
from tandem_reasoning.thinking.prompts import BARE, Expert, Recalled, Shared, Wording, prompt
from tandem_reasoning.values import Question

from tests.parts.llm_models.tasks import KINDS, Task
from tests.parts.llm_models.tasks import task as drawn_task

Chat = list[tuple[str, str]]
"""Pairs of role and content."""

# Everyday words, so that sentences cost few tokens, and so that no sentence is strange to the models.
WORDS = (  # noqa: SIM905  one word a line is no way to read them
    "a about above after again all also an and answer answers are as ask asked at be because been before being best both but "
    "by can careful claim clear could critic do does doubt each every evidence example expert experts few find first for from "
    "give given good has have how idea if in into is it its judge keep know last less logic look make many mean meaning "
    "memory might mind more most must name new no not of on one only or other others out own part perhaps philosopher play "
    "point premise question reason recall remember right role same say school see short should simple so some step still such "
    "system take text than that the their them then there these they thing think this though thought three to true two use "
    "very view was way we were what when where which while who why will with word words work would you your"
).split()
_RELATED = 1 / 2  # share of recalled lines that are at least of the question's kind: a memory finds what is near
_ROLE, _UNRELATED, _EARLIER = 0.6, 0.4, 0.2  # shares of the prompts that have one
_WORDS = 8  # of a role without much sense, beside the first
_MAJORITY = 2 / 3  # share of the votes that most experts of got right
_VOTES = ((1, 2), (2, 1), (3, 1), (3, 2), (2, 2), (5, 3))


def plain(task: Task) -> Chat:
    """What a single call is asked in a bare run: the question, and what must be remembered for it."""
    return worded(task, BARE)


def worded(task: Task, wording: Wording, *, role: str = "", earlier: str = "", recalled: Sequence[tuple[str, str]] | None = None) -> Chat:
    """A prompt of a DualRun; with what must be remembered unless something else is recalled."""
    lines = task.memory if recalled is None else recalled
    shared = Shared(
        question=Question(id="", text=task.question),
        recalled=tuple(Recalled(question=asked, answer=answer) for asked, answer in lines),
        earlier=earlier,
    )
    asked = prompt(shared, Expert(name="", role=role), max_tokens=1, wording=wording)
    return [(message.role, message.content) for message in asked.messages]


def dressed(rng: random.Random, task: Task, wording: Wording, *, length: float = 1.0) -> Chat:
    """The question in one of the many prompts that it can come in.

    Args:
        rng: Where chance comes from.
        task: The question.
        wording: The words around all parts.
        length: 0 to 1; the less, the shorter is what stands beside the question, and the seldomer is it anything but a role.
    """
    recalled = list(task.memory)
    if rng.random() < _UNRELATED * length:
        recalled.insert(rng.randint(0, len(recalled)), unrelated(rng, task))
    role = any_role(rng, length) if rng.random() < _ROLE else ""
    earlier = votes(rng, task) if rng.random() < _EARLIER * length else ""
    return worded(task, wording, role=role, earlier=earlier, recalled=recalled)


def corpus() -> list[str]:
    """Texts whose words a tokenizer is to know; without a capital after a space, so that words of capitals stay letter by letter."""
    around = (Wording().manner, Wording().question, Wording().recalled, Wording().earlier, Wording().role)
    said = [*around, *(expert.role for expert in EXPERTS), "- 1 of 3: ", "\n\n"]
    return [*WORDS, *(" " + word for word in WORDS), *(re.sub(r" [A-Z]", lambda found: found[0].lower(), text) for text in said * 2)]


def any_role(rng: random.Random, length: float = 1.0) -> str:
    """One of the roles that a DualRun has by default, or a sentence without much sense; the less `length`, 0 to 1, the shorter."""
    if rng.random() < length / 2:
        return rng.choice(EXPERTS).role
    sentence = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 1 + round(_WORDS * length))))
    return f"{sentence.capitalize()}."


def unrelated(rng: random.Random, task: Task) -> tuple[str, str]:
    """Another question and its answer."""
    other = drawn_task(rng, task.kind if rng.random() < _RELATED else rng.choice(KINDS))
    return other.question, other.answer


def votes(rng: random.Random, task: Task) -> str:
    """What a step before came to, as the next one is shown it."""
    answers = [task.answer, drawn_task(rng, task.kind).answer]
    if rng.random() > _MAJORITY:
        answers.reverse()
    counts = rng.choice(_VOTES)
    return "\n".join(f"- {count} of {sum(counts)}: {answer}" for count, answer in zip(counts, answers, strict=True))
