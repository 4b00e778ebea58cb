"""The built-in embedding: what it finds alike, and that it is the same everywhere."""

import asyncio
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_memory.embedding import Ngrams

PARAPHRASES = (
    ("How many apples does Tom have left after giving away 5 of his 12?", "Tom had 12 apples and gave 5 away. How many apples are left?"),
    ("What is the derivative of x squared times sin x?", "Differentiate x^2 * sin(x) with respect to x."),
    (
        "A train travels 120 km in 2 hours. What is its average speed?",
        "Find the average speed of a train that does 120 km in two hours.",
    ),
    ("Prove that the square root of 2 is irrational.", "Show that sqrt(2), the square root of two, is not rational."),
    ("Write a Python function that reverses a linked list.", "Implement linked list reversal in Python."),
    ("Which planet has the most moons in the solar system?", "In our solar system, what planet has the largest number of moons?"),
    ("How do I restart a failed pod in Kubernetes?", "A pod failed in my Kubernetes cluster, how can I restart it?"),
    ("Explain why the sky appears blue during the day.", "Why does the daytime sky look blue?"),
    ("What causes inflation in an economy?", "Which factors make an economy's inflation rise?"),
    ("Compute the determinant of a 3 by 3 matrix.", "How is the determinant of a 3x3 matrix computed?"),
    ("Warum ist der Himmel am Tag blau?", "Erkläre, warum der Himmel tagsüber blau erscheint."),
    ("Combien de pommes reste-t-il à Paul?", "Paul avait des pommes, combien lui en reste-t-il?"),
)


def vectors(*texts: str) -> np.ndarray:
    return Ngrams().vectors(texts)


def test_paraphrases_are_nearer_than_anything_else() -> None:
    """Each question finds its own paraphrase among all, with a margin."""
    cosines = vectors(*(one for one, _ in PARAPHRASES)) @ vectors(*(other for _, other in PARAPHRASES)).T
    own = cosines.diagonal()
    others = np.where(np.eye(len(PARAPHRASES), dtype=bool), -1, cosines)
    assert own.min() > others.max() + 0.1


def test_near_duplicates_are_very_near() -> None:
    """Case, spaces, punctuation and compatibility forms are nothing; a misspelling or a changed number is little."""
    text = "How do I restart a failed pod in Kubernetes?"
    same = vectors(text, "HOW DO I RESTART A FAILED POD IN KUBERNETES", "  how do I restart\n a failed pod, in \uff2bubernetes!")
    assert same[0].tobytes() == same[1].tobytes() == same[2].tobytes()
    near = vectors(text, "How do I restart a failed pod in Kuberntes?", "How do I restart 2 failed pods in Kubernetes?")
    assert (near[1:] @ near[0]).min() > 0.6


def test_what_is_repeated_does_not_drown_the_rest() -> None:
    """Saying a word ten times counts as about three times."""
    once, often, other = vectors("gradient descent diverges", "gradient gradient gradient gradient descent diverges", "gradient")
    assert once @ often > 0.7
    assert often @ other < 0.95


def test_function_words_alone_still_mean_something() -> None:
    """A question of nothing else is not thrown away."""
    one, other, same = vectors("What is it?", "Where were they?", "what is it")
    assert one.tobytes() == same.tobytes()
    assert one @ other < 0.5


def test_bits_are_the_same_on_every_machine() -> None:
    """A namespace outlives machines and versions: when this fails, the embedding's version has to be raised."""
    texts = [text for pair in PARAPHRASES for text in pair] + ["数学の問題を解いてください", "Решите уравнение", "🎉 emoji", "x" * 1000]
    digest = hashlib.sha256(Ngrams().vectors(texts).astype("<f4").tobytes()).hexdigest()
    assert Ngrams().name == "ngrams-1-384"
    assert digest == "1b59b42c4a4c9367fcef2c587e07c3bc7639fbbec7b36d206ed1cebb69ad270f"


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4), st.sampled_from((2, 100, 384)))
def test_any_text_gives_a_direction_or_nothing(texts: list[str], dimension: int) -> None:
    """Of length 1, or zeros for a text without a word; alone or together."""
    embedding = Ngrams(dimension)
    found = embedding.vectors(texts)
    assert found.shape == (len(texts), dimension)
    assert found.dtype == np.float32
    lengths = np.linalg.norm(found, axis=1)
    assert all(length == pytest.approx(1, abs=1e-5) or length == 0 for length in lengths)
    assert [embedding.vectors([text])[0].tobytes() for text in texts] == [row.tobytes() for row in found]


def test_texts_without_a_word_are_like_nothing() -> None:
    """Empty, spaces, signs only."""
    assert not vectors("", "   ", "?!").any()
    assert Ngrams().vectors([]).shape == (0, 384)


def test_it_can_be_waited_for() -> None:
    """The same vectors, few or many, by the way that the service asks."""
    texts = [f"question {number}" for number in range(20)]
    for some in (texts[:2], texts):
        assert asyncio.run(Ngrams().embed(some)).tobytes() == Ngrams().vectors(some).tobytes()
