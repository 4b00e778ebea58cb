"""What is kept of how an answer was come by."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.thinking.notes import CHARACTERS, ITEMS, strategy


def test_marked_lines_come_first_then_lists_then_first_sentences() -> None:
    """What a reply calls a strategy is one; the final answer never is."""
    replies = ("Think. Then act.\n- Draw a table.\nNote: check units.\nAnswer: 5 apples", "Note: Check units!\nAnswer: 5 apples")
    assert strategy(replies) == ("check units.", "Draw a table.", "Think.")


def test_a_bare_answer_leaves_nothing() -> None:
    """There is no strategy in a reply that is nothing but an answer."""
    assert strategy(("Paris", "Answer: Paris")) == ()


def test_what_failed_is_something_to_beware_of() -> None:
    """Items of a wrong answer say so, within the same length."""
    assert strategy(("Strategy: guess wildly\nAnswer: 3",), failed=True) == ("Beware: guess wildly",)


@given(st.lists(st.text(), max_size=6), st.booleans())
def test_it_is_always_short(replies: list[str], failed: object) -> None:
    """At most three items of at most 120 characters, none empty, none twice."""
    items = strategy([f"{reply}\nAnswer: 1" for reply in replies], failed=bool(failed))
    assert len(items) <= ITEMS
    assert all(0 < len(item) <= CHARACTERS for item in items)
    assert len(set(items)) == len(items)
