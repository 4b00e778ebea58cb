"""Questions that nobody asked, made of those that were."""

import re
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.distilling.canary import kept_back
from tandem_reasoning.distilling.crossing import crossed, crosses
from tandem_reasoning.distilling.samples import Sample, Use
from tandem_reasoning.thinking.answers import normalised
from tandem_reasoning.values import Question

NAMES = ["".join(map(Random(number).choice, ("bdfgklm", "aeiou", "bdfgklm", "aeiou", "nrsx"))) for number in range(100)]
TEXTS = st.lists(st.text(max_size=12), max_size=8, unique=True)


def samples(texts: Sequence[str], use: Use = Use.REHEARSAL, kind: str = "k") -> list[Sample]:
    return [Sample(question=Question(id=f"{kind} {text}", text=text, kind=kind), reply="yes", use=use) for text in texts]


@pytest.mark.parametrize(
    ("first", "second", "place", "made"),
    [
        ("what school is dutur?", "what school is zodan?", 0.4, "what school is dudan?"),
        ("What is the role of reason in Kant?", "What is the meaning of virtue in Plato?", 0.5, "What is the role of virtue in Plato?"),
        ("sort ABC", "sort JHG", 0.34, "sort AHG"),
        ("a", "b", 0.2, "b"),
        ("", "", 0.5, ""),
    ],
)
def test_two_texts_are_crossed_where_they_differ(first: str, second: str, place: float, made: str) -> None:
    """What both begin and end with stays; between lie the beginning of one and the end of the other, by words where there are some."""
    assert crossed(first, second, place) == made


@given(st.text(), st.text(), st.floats(0, 1))
def test_a_cross_has_nothing_that_neither_has(first: str, second: str, place: float) -> None:
    """Each of its characters is one of theirs, and the whole of one of them is there at either end of the way."""
    made = crossed(first, second, place)
    assert set(made) <= set(first) | set(second)
    assert (crossed(first, second, 0), crossed(first, second, 1)) == (second, first)


@given(TEXTS, TEXTS, st.integers(0, 30))
def test_crosses_are_new_and_never_kept_back(known: list[str], taught: list[str], count: int) -> None:
    """No more than are wanted, none twice, none that was asked, none that judges, whatever was asked; and the same ones again."""
    lessons = samples(taught, Use.LESSON)
    made = crosses(samples(known), lessons, count)
    plain = [normalised(each.text) for each in made]
    assert len(made) <= count
    assert len({*plain} - {normalised(text) for text in (*known, *taught)}) == len(made)
    assert not [each for each in made if kept_back(each)]
    assert crosses(samples(known), lessons, count) == made
    assert len({each.id for each in made}) == len(made)


def test_classes_take_turns() -> None:
    """A class of few questions has as many crosses as one of many, as long as it can."""
    few = samples([f"what is {name}?" for name in NAMES[:12]], kind="few")
    made = crosses([*few, *samples([f"sort {name}" for name in NAMES], kind="many")], [], 60)
    assert [each.kind for each in made] == ["few", "many"] * 30


def test_what_lies_nearest_to_a_lesson_is_not_made() -> None:
    """By luck the model knows some of what it is to learn, too: to go on as it was there would hinder it."""
    lessons = samples([f"reverse {name}" for name in NAMES[4:]], Use.LESSON, kind="")
    known = samples([f"reverse {name}" for name in NAMES[:4]] + [f"what is {name}?" for name in NAMES], kind="")
    made = [each.text for each in crosses(known, lessons, 100)]
    assert len(made) == 100
    assert sum(text.startswith("reverse") for text in made) <= 2


def test_what_is_alike_is_crossed() -> None:
    """Where no classes are told, questions of one form are crossed with each other, hardly ever with those of another form."""
    made = crosses(samples([form.format(name) for form in ("what is {}?", "sort {}") for name in NAMES], kind=""), [], 100)
    assert sum(bool(re.fullmatch(r"what is \w{5}\?|sort \w{5}", each.text)) for each in made) >= 80


def test_one_question_cannot_be_crossed() -> None:
    """There is no other, so nothing is made, and nothing goes on for ever."""
    assert crosses(samples(["what is bakin?"]), [], 10) == ()
