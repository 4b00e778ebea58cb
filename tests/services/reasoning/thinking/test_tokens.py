"""Reservations: what a prompt can cost at most."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.thinking.tokens import Counted, at_most, density, length
from tandem_reasoning.values import Message, Prompt

TEXTS = st.lists(st.text(max_size=200), min_size=1, max_size=4)


def asked(texts: list[str]) -> Prompt:
    return Prompt(messages=tuple(Message(role="user", content=text) for text in texts), max_tokens=1)


@given(TEXTS)
def test_no_tokenizer_can_need_more(texts: list[str]) -> None:
    """Even one that knows no more than single bytes, with a template of ten tokens a message and eighty around."""
    bytewise = sum(len(text.encode("utf-8", "replace")) + 10 for text in texts) + 80
    assert at_most(asked(texts)) >= bytewise


@given(TEXTS, st.text(max_size=50), st.floats(0.05, 1.0))
def test_longer_prompts_never_cost_less(texts: list[str], more: str, dense: float) -> None:
    """Text that is added raises the bound or leaves it, and a lane's own density only lowers it."""
    longer = [*texts[:-1], texts[-1] + more]
    assert at_most(asked(longer), density=dense) >= at_most(asked(texts), density=dense)
    assert at_most(asked(texts), density=dense) <= at_most(asked(texts))


def test_a_lane_is_believed_after_fifty_calls() -> None:
    """Until then the true bound holds; then its densest prompt with a margin, which covers all it has counted."""
    calls = [Counted(400 + place, 100 + place % 7) for place in range(60)]
    assert density(calls[:49]) == 1.0
    learned = density(calls)
    assert 0.25 < learned < 0.4
    assert all(call.prompt_bytes * learned >= call.input_tokens for call in calls)
    assert density([Counted(10, 30)] * 60) == 1.0
    assert density([Counted(400, 100)] * 60) > 0.25


def test_every_message_has_its_share_of_the_template() -> None:
    """What stands around messages is reckoned with even when they are empty."""
    assert at_most(asked(["", "", ""])) - at_most(asked([""])) == 2 * 16


def test_length_is_in_bytes() -> None:
    """Letters outside ASCII count as what they take in UTF-8; half a surrogate pair as what is sent for it."""
    assert length(asked(["aé", "\ud800"])) == 4
