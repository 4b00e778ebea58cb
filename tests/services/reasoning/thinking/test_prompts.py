"""Prompts: what experts share comes first, their role last, and the right answer nowhere."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.thinking.prompts import BARE, Expert, Recalled, Shared, prompt, rendered
from tandem_reasoning.values import Message, Question

QUESTION = Question(id="q", text="What is justice?", answer="the-secret-label", kind="ethics")
LAW = Recalled(question="What is law?", answer="rules", strategy=("Define first.",))
SEEN = Shared(question=QUESTION, recalled=(LAW,), earlier="- 5 of 8: yes")


def common(one: str, other: str) -> str:
    """The longest text that both begin with."""
    return one[: next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))]


@given(st.text(min_size=1), st.text(min_size=1))
def test_experts_share_all_but_the_end(one: str, other: str) -> None:
    """Two experts' prompts are the same up to their roles, whatever those say."""
    texts = [rendered(prompt(SEEN, Expert(name="e", role=role), max_tokens=8)) for role in (one, other)]
    assert all(text.endswith(role) for text, role in zip(texts, (one, other), strict=True))
    assert len(common(*texts)) >= len(texts[0]) - len(one)


def test_a_later_step_shares_what_the_first_one_had() -> None:
    """Question and memory stand before what the step before came to, so that a second step reads little anew."""
    expert = Expert(name="e", role="Judge.")
    first = rendered(prompt(Shared(question=QUESTION, recalled=SEEN.recalled), expert, max_tokens=8))
    second = rendered(prompt(SEEN, expert, max_tokens=8))
    assert common(first, second).endswith("What is justice?\n\n")


def test_everything_is_shown_but_the_right_answer() -> None:
    """Question, memory with its strategy, the step before and the role are there; the label is not."""
    text = rendered(prompt(SEEN, Expert(name="e", role="Judge."), max_tokens=8))
    assert all(part in text for part in ("What is justice?", "What is law? rules", "- Define first.", "- 5 of 8: yes", "Judge."))
    assert "the-secret-label" not in text


def test_bare_wording_adds_nothing() -> None:
    """A model that follows no instructions is shown the memory and the question, and nothing else; no message is empty."""
    with_memory = Shared(question=QUESTION, recalled=(Recalled(question="", answer="bodin is stoic"),))
    asked = prompt(with_memory, Expert(name="e"), max_tokens=8, wording=BARE)
    assert asked.messages == (Message(role="system", content="bodin is stoic"), Message(role="user", content="What is justice?"))
    assert prompt(Shared(question=QUESTION), Expert(name="e"), max_tokens=8, wording=BARE).messages == asked.messages[1:]
