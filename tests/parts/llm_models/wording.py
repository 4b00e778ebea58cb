"""How a question reaches a model: as a chat that may also hold what is remembered, a role to play and what others answered.

Training shows many dresses of the same question, so that a model answers however Tandem words these parts.
"""

import random
from collections.abc import Sequence

from tests.parts.llm_models.tasks import KINDS, LETTERS, SCHOOLS, Task

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
_HEADS = (
    "",
    "known: ",
    "memory:\n",
    "remember this:\n",
    "From memory:\n",
    "answered before:\n- ",
    "You may use what was answered before:\n",
)
_LINES = ("{0} {1}", "{0} -> {1}", "{0} = {1}", "Q: {0} A: {1}", "Q: {0}\nA: {1}", "question: {0} answer: {1}", "{0}\n{1}")
_BETWEEN = ("\n", "; ", "\n- ")
_OTHERS = ("others answered: {}", "Other answers: {}.", "answers so far: {}\nanswer again.", "The other experts said: {}")


def plain(task: Task) -> Chat:
    """The question alone, and what must be remembered for it."""
    system = "\n".join(f"{question} {answer}" for question, answer in task.memory)
    return [*([("system", system)] if system else []), ("user", task.question)]


def dressed(rng: random.Random, task: Task) -> Chat:
    """The question in one of many dresses: what is recalled in the system's message, others' answers and the role after the question."""
    user = [task.question]
    if rng.random() < 1 / 3:
        user.append(rng.choice(_OTHERS).format(", ".join(_guesses(rng, task))))
    if rng.random() < 1 / 2:
        user.insert(rng.choice((0, len(user), len(user))), _role(rng))
    system = [_framed(rng, task.memory)] if task.memory else []
    return [*(("system", each) for each in system), ("user", rng.choice(("\n\n", "\n", " ")).join(user))]


def corpus() -> list[str]:
    """Texts whose words a tokenizer is to know."""
    return [*WORDS, *(" " + word for word in WORDS), *_HEADS, *_LINES, *_OTHERS]


def _framed(rng: random.Random, memory: Sequence[tuple[str, str]]) -> str:
    line = rng.choice(_LINES)
    return rng.choice(_HEADS) + rng.choice(_BETWEEN).join(line.format(*each) for each in memory)


def _role(rng: random.Random) -> str:
    sentence = " ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 7)))
    return f"{sentence.capitalize()}."


def _guesses(rng: random.Random, task: Task) -> list[str]:
    """What others answered: right two times in three."""
    return [task.answer if rng.random() < 2 / 3 else _wrong(rng, task) for _ in range(rng.randint(1, 3))]


def _wrong(rng: random.Random, task: Task) -> str:
    if task.kind == "add":
        return str(rng.randint(0, 18))
    if task.kind in {"fact", "memory"}:
        return rng.choice(SCHOOLS)
    assert task.kind in KINDS
    return "".join(rng.choice(LETTERS) for _ in task.answer)
