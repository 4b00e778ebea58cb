"""What one step tells the next."""

from tandem_reasoning.thinking.answers import keyed
from tandem_reasoning.thinking.steps import another, cut, shown

REPLIES = ("Add the two.\nAnswer: 5", "Answer: 5", "I count on my fingers and lose one of them.\nAnswer: 4", "5")


def test_each_answer_is_shown_once_with_its_votes() -> None:
    """Most votes first, the shortest reply with a reason speaks for its group."""
    assert shown(REPLIES, keyed(REPLIES)).splitlines() == [
        "- 3 of 4: 5 because: Add the two.",
        "- 1 of 4: 4 because: I count on my fingers and lose one of them.",
    ]


def test_what_is_shown_is_bounded() -> None:
    """However much experts write, at most four answers and so many characters of each come through."""
    replies = [f"{'word ' * 999}\nAnswer: {number} {'x' * 999}" for number in range(8)]
    text = shown(replies, keyed(replies), characters=50)
    assert len(text.splitlines()) == 4
    assert len(text) < 4 * 130


def test_nothing_to_show() -> None:
    """A step in which all calls failed tells nothing."""
    assert shown((), ()) == ""


def test_a_step_follows_only_where_experts_disagree() -> None:
    """Another round over what all agree on would only cost."""
    assert another(1, max_steps=2, answers=("a", "b"))
    assert not another(1, max_steps=2, answers=("a", "a"))
    assert not another(2, max_steps=2, answers=("a", "b"))


def test_cut_ends_at_a_word() -> None:
    """An ellipsis says that there was more, and is counted."""
    assert cut("one two three", 9) == "one two…"
    assert cut("onetwothree", 9) == "onetwoth…"
    assert cut("one two", 9) == "one two"
