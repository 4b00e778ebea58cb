"""The question sets that Tandem ships: readable, varied, no question twice, and right answers where there are any."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise

import pytest
from tandem_reasoning.questions.reading import questions
from tandem_reasoning.values import Question

from tests.parts.llm_models.tasks import KINDS, SCHOOLS, applied, kept_from_training, school_of
from tests.services.reasoning.questions import shipped

PHILOSOPHY = {
    "aesthetics",
    "epistemology",
    "ethics",
    "history",
    "language",
    "logic",
    "metaphysics",
    "mind",
    "political",
    "religion",
    "science",
    "technology",
}
RUN = 3  # words in a row that two questions are compared by
ALIKE = 0.3  # of these runs shared, from which on two questions are one in other words


def shipped_set(name: str) -> list[Question]:
    """A set as a run reads it."""
    return list(questions(str(shipped.FOLDER / name), {}))


def words(question: Question) -> list[str]:
    return re.findall(r"[a-z]+", question.text.lower())


def runs(question: Question) -> set[tuple[str, ...]]:
    """All runs of words of a question."""
    said = words(question)
    return {tuple(said[begin : begin + RUN]) for begin in range(len(said) - RUN + 1)}


def alike(asked: Sequence[Question]) -> list[tuple[str, str]]:
    """Pairs of questions that share too much, by the smaller one's runs."""
    told = [(question.id, runs(question)) for question in asked]
    return [(one, other) for (one, some), (other, more) in combinations(told, 2) if len(some & more) > ALIKE * min(len(some), len(more))]


def test_philosophy_is_varied() -> None:
    """At least 220 questions, over at least ten kinds that are spelled in one way, no kind much rarer than another."""
    asked = shipped_set("philosophy.jsonl")
    counts = Counter(question.kind for question in asked)
    assert len(asked) >= 220
    assert set(counts) == PHILOSOPHY
    assert min(counts.values()) >= 15
    assert all(question.id.startswith(f"{question.kind}-") for question in asked)
    assert all(question.answer is None for question in asked), "nobody knows"


def test_philosophy_asks_nothing_twice() -> None:
    """No two questions share three words in a row for a third of their length; nor do many begin in the same way."""
    asked = shipped_set("philosophy.jsonl")
    assert alike(asked) == []
    begins = Counter(" ".join(words(question)[:4]) for question in asked)
    assert begins.most_common(1)[0][1] <= 4


def test_philosophy_is_written_as_questions() -> None:
    """Each is a sentence or two of 6 to 40 words that ends with a question mark or asks at its beginning."""
    for question in shipped_set("philosophy.jsonl"):
        assert re.fullmatch(r"[A-Z][^\n]*[?.]", question.text), question.text
        assert "?" in question.text
        assert 6 <= len(words(question)) <= 40, question.text
        assert question.text.isascii(), question.text


def test_near_duplicates_are_seen() -> None:
    """The measure finds a question that was only reworded at one end."""
    one = Question(id="a", text="Is a simpler hypothesis more likely to hold, or is it just easier to use?")
    other = Question(id="b", text="Is a simpler hypothesis more likely to hold than a complex one?")
    assert alike([one, other]) == [("a", "b")]


@pytest.mark.parametrize("name", ["checkable.jsonl", "hard.jsonl"])
def test_answers_are_right(name: str) -> None:
    """Each is worked out here once more, from the question's own words, on a word that training never shows."""
    asked = shipped_set(name)
    memory = {line["id"]: line.get("memory", []) for line in map(json.loads, (shipped.FOLDER / name).read_text().splitlines())}
    assert Counter(question.kind for question in asked) == dict.fromkeys(KINDS, shipped.EACH)
    assert len({question.text for question in asked}) == len(asked)
    for question in asked:
        assert question.answer == _worked_out(question, memory[question.id]), question


def test_sets_are_fresh() -> None:
    """What is shipped is what the generator makes; else run `python -m tests.services.reasoning.questions.shipped`."""
    assert (shipped.FOLDER / "checkable.jsonl").read_text() == shipped.checkable()
    assert (shipped.FOLDER / "hard.jsonl").read_text() == shipped.hard()


def test_hard_questions_mix_kinds() -> None:
    """No plain wording, kinds in no order, and many with a word of another kind."""
    plain, hard = shipped_set("checkable.jsonl"), shipped_set("hard.jsonl")
    plain_begins = {question.text.split()[0] for question in plain if question.kind in {"reverse", "shift", "sort"}}
    assert plain_begins.isdisjoint(question.text.split()[0] for question in hard)
    assert sum(one.kind != other.kind for one, other in pairwise(hard)) > len(hard) / 2
    assert 0.3 < sum(question.text.startswith("not ") for question in hard) / len(hard) < 0.7


def _worked_out(question: Question, memory: list[list[str]]) -> str:
    if question.kind == "add":
        left, right = re.findall(r"\d", question.text)
        return str(int(left) + int(right))
    if question.kind in {"reverse", "shift", "sort"}:
        (word,) = re.findall(r"\b[A-J]{3}\b", question.text)
        assert kept_from_training(word)
        return applied(question.kind, word)
    (name,) = re.findall(r"\b[a-z]{5}\b(?=\?$)", question.text)
    if question.kind == "fact":
        return school_of(name)
    (school,) = [answer for asked, answer in memory if name in asked]
    assert school in SCHOOLS
    return school
