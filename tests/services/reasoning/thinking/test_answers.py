"""Which answers are the same."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.thinking.answers import final, keyed, normalised, reasoning, right

PARAPHRASES = (
    (
        "Free will is compatible with determinism because freedom means acting on one's own desires without being forced.",
        "Free will and determinism are compatible, since to be free means to act on one's own desires without being forced.",
    ),
    (
        "Knowledge is justified true belief, but Gettier cases show that justification alone does not rule out luck in being right.",
        "Gettier cases show that knowledge, taken as justified true belief, does not rule out being right by luck alone.",
    ),
    (
        "An action is right when it produces the greatest happiness for the greatest number of people that are affected by it.",
        "An action is right if and only if it produces the greatest happiness for the greatest number of those affected.",
    ),
)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("Add both.\nAnswer: 42.", "42."),
        ("**Answer:** 42", "42"),
        ("Answer: 1\nNo, wait.\nFinal answer = 2", "2"),
        ("The answer is Paris.", "Paris."),
        ("So it is \\boxed{7} in the end", "7"),
        ("Answer:\n  stoic", "stoic"),
        ("  dcba ", "dcba"),
        ("We cannot answer this easily: it depends", "We cannot answer this easily: it depends"),
    ],
)
def test_a_reply_ends_in_one_answer(reply: str, said: str) -> None:
    """The last line that names one counts; a reply without one is its own answer."""
    assert final(reply) == said


@pytest.mark.parametrize(
    "same",
    [
        ("Paris", "paris.", '"PARIS"', "  *Paris* ", "\uff30aris"),
        ("the cat", "Cat", "a cat!"),
        ("1,000", "1000", "1000.0", "+1000."),
        ("-0.50", "-.5", "\N{MINUS SIGN}0.5"),
        ("$5", "5", "5.00"),
        ("A", "a", "(a)"),
    ],
)
def test_ways_to_write_one_answer(same: tuple[str, ...]) -> None:
    """Case, punctuation, articles, widths and spellings of numbers make no difference."""
    assert len({normalised(text) for text in same}) == 1


@pytest.mark.parametrize(
    "different",
    [
        ("5", ".5", "-5", "0.55"),
        ("1,00", "100"),
        ("stoic", "stoics"),
        ("abc", "cba"),
        ("yes", "no"),
        ("1234567890123456789012345678", "1" * 28),
    ],
)
def test_different_answers_stay_different(different: tuple[str, ...]) -> None:
    """What is left out never makes two answers one."""
    assert len({normalised(text) for text in different}) == len(different)


@given(st.text())
def test_the_plain_form_is_final(text: str) -> None:
    """Made plain once more it stays as it is."""
    assert normalised(normalised(text)) == normalised(text)


def test_free_texts_are_one_answer_when_they_share_their_words() -> None:
    """Paraphrases are; statements about other things, and the denial of one, are not."""
    texts = [text for pair in PARAPHRASES for text in pair]
    keys = keyed(texts)
    assert [keys[place] == keys[other] for place, other in itertools.combinations(range(6), 2)] == [
        place // 2 == other // 2 for place, other in itertools.combinations(range(6), 2)
    ]
    said = PARAPHRASES[0][0]
    assert len(set(keyed([said, said.replace("is compatible", "is not compatible")]))) == 2


@given(st.lists(st.sampled_from([text for pair in PARAPHRASES for text in pair] + ["yes", "Answer: yes", "no"]), max_size=8), st.randoms())
def test_groups_do_not_depend_on_who_answered_first(replies: list[str], random: object) -> None:
    """Shuffled, each reply still stands for the same answer."""
    order = list(range(len(replies)))
    random.shuffle(order)  # type: ignore[attr-defined]
    keys, shuffled = keyed(replies), keyed([replies[place] for place in order])
    assert [keys[place] for place in order] == list(shuffled)


def test_the_way_to_an_answer_is_told_apart_from_it() -> None:
    """Lines before and after the final answer are the reasoning; a reply without a final answer has none."""
    assert reasoning("First add.\n\nAnswer: 5\nI used 5 fingers.") == ("First add.", "I used 5 fingers.")
    assert reasoning("just a thought") == ()


def test_right_is_what_equals_the_label() -> None:
    """Only the final answer counts, in its plain form."""
    assert right("It could be 7.\nAnswer: 1,008.0", "1008")
    assert not right("It could be 1008.\nAnswer: 7", "1008")


@pytest.mark.parametrize("looped", ["\n", "-", "* \n", "answer ", "answer\n", "Answer: ", "\\boxed{"])
def test_a_model_that_loops_is_read_all_the_same(looped: str) -> None:
    """A hundred thousand times the same text is searched once, not once for each of its places."""
    reply = "I add.\nAnswer: 5\n" + looped * 100_000
    assert len(keyed([reply, "5"])) == 2
    assert reasoning(reply)[0] == "I add."


def test_a_reply_that_says_nothing_has_an_empty_key() -> None:
    """Blank replies, bare punctuation and an answer that was cut off before it began."""
    assert keyed(["", " \n", "...", "**"]) == ("", "", "", "")
