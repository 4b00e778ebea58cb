"""Reservations: what a prompt can cost at most."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.thinking.tokens import at_most, length
from tandem_reasoning.values import Message, Prompt

TEXTS = st.lists(st.text(max_size=200), min_size=1, max_size=4)


def asked(texts: list[str]) -> Prompt:
    return Prompt(messages=tuple(Message(role="user", content=text) for text in texts), max_tokens=1)


@given(TEXTS)
def test_no_tokenizer_can_need_more(texts: list[str]) -> None:
    """Even one that knows no more than single bytes, with a template of ten tokens a message and eighty around."""
    bytewise = sum(len(text.encode("utf-8", "replace")) + 10 for text in texts) + 80
    assert at_most(asked(texts)) >= bytewise


@given(TEXTS, st.text(max_size=50))
def test_longer_prompts_never_cost_less(texts: list[str], more: str) -> None:
    """Text that is added raises the bound or leaves it."""
    assert at_most(asked([*texts[:-1], texts[-1] + more])) >= at_most(asked(texts))


def test_every_message_has_its_share_of_the_template() -> None:
    """What stands around messages is reckoned with even when they are empty."""
    assert at_most(asked(["", "", ""])) - at_most(asked([""])) == 2 * 16


def test_length_is_in_bytes() -> None:
    """Letters outside ASCII count as what they take in UTF-8; half a surrogate pair as what is sent for it."""
    assert length(asked(["aé", "\ud800"])) == 4
