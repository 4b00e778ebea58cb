"""Keys of calls: the same for the same call, different for any other."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.thinking.keys import key
from tandem_reasoning.values import CallPlace, Message, Prompt

PLACE = CallPlace(item="q1", step=1, expert="reasoning")
PROMPT = Prompt(messages=(Message(role="system", content="s"), Message(role="user", content="u")), max_tokens=16, temperature=0.8)


def test_a_key_is_known_for_good() -> None:
    """Recorded calls are found again by later versions: when this fails, the form's number has to be raised."""
    assert key("run", PLACE, "lane", "model", PROMPT) == "e7f64436108a2b8fac94ad5ab80f616a4ad0b519b5906f6a7f69701e0d1c4ab9"


def test_everything_that_changes_an_answer_changes_the_key() -> None:
    """Run, item, step, expert, sample, lane, model, each message, length and temperature."""
    moved = [replace(PLACE, item="q2"), replace(PLACE, step=2), replace(PLACE, expert="memory"), replace(PLACE, sample=1)]
    asked = [
        replace(PROMPT, messages=PROMPT.messages[1:]),
        replace(PROMPT, messages=PROMPT.messages[::-1]),
        replace(PROMPT, max_tokens=17),
        replace(PROMPT, temperature=0.0),
    ]
    keys = [
        key("run", PLACE, "elsewhere", "model", PROMPT),
        key("run", PLACE, "lane", "model", PROMPT),
        key("other", PLACE, "lane", "model", PROMPT),
        key("run", PLACE, "lane", "other", PROMPT),
    ]
    keys += [key("run", place, "lane", "model", PROMPT) for place in moved] + [
        key("run", PLACE, "lane", "model", prompt) for prompt in asked
    ]
    assert len(set(keys)) == len(keys)


@given(st.lists(st.text(), min_size=4, max_size=4), st.lists(st.text(), min_size=4, max_size=4))
def test_no_two_lists_of_fields_look_alike(one: list[str], other: list[str]) -> None:
    """Moving a letter from one field to the next is another call; half surrogates are letters like others."""
    keys = [key(a, CallPlace(item=b, step=1, expert=c), "lane", d, PROMPT) for a, b, c, d in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)
    shifted = key(one[0] + "x", CallPlace(item=one[1], step=1, expert=one[2]), "lane", one[3], PROMPT)
    assert shifted != key(one[0], CallPlace(item="x" + one[1], step=1, expert=one[2]), "lane", one[3], PROMPT)
