"""Keeping to a budget by moving one line."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.routing.pacing import EVERY, RECENT, Predicted, afforded, due, paced, projected
from tandem_reasoning.routing.thresholds import LEARNING, LINES

RECENTLY = st.lists(
    st.builds(Predicted, p=st.floats(0, 1), cloud_nano=st.integers(0, 1000), escalated=st.floats(0, 1)),
    min_size=1,
    max_size=50,
    unique_by=lambda each: each.p,
)


@given(RECENTLY, st.integers(0, 10**6), st.integers(1, 2000))
def test_what_is_projected_fits(recent: list[Predicted], left: int, items: int) -> None:
    """Up to one question too many, as a whole question is paid or not."""
    lines = paced(LINES, recent, left_nano=left, items_left=items, fraction=1.0)
    one_more = 1000 / len(recent) * items + 1
    assert projected(lines, recent, items_left=items) <= left + one_more


@given(RECENTLY, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 2000))
def test_more_money_never_pays_for_less(recent: list[Predicted], one: int, other: int, items: int) -> None:
    """The line rises with the money, and the user's own lines stay where they are."""
    less, more = sorted((one, other))
    lines = [paced(LINES, recent, left_nano=left, items_left=items) for left in (less, more)]
    assert lines[0].paid_below <= lines[1].paid_below
    assert {(line.local_above, line.cloud_below, line.escalate_below, line.sure) for line in lines} == {(0.8, 0.2, 1.0, 0.7)}


def test_questions_of_most_gain_are_paid_first() -> None:
    """With money for half of ten like-priced questions, the five on which the lanes least agree keep the cloud lane."""
    recent = [Predicted(p=place / 100, cloud_nano=100) for place in range(10)]
    lines = paced(LINES, recent, left_nano=50 * 100, items_left=100, fraction=1.0)
    assert lines.paid_below == 0.05


def test_equal_questions_are_paid_while_the_money_lasts() -> None:
    """A line cannot part them; without any money nobody is paid for."""
    recent = [Predicted(p=0.0, cloud_nano=100)] * 10
    assert paced(LINES, recent, left_nano=100, items_left=100).paid_below > 1
    assert paced(LINES, recent, left_nano=0, items_left=100).paid_below == 0.0


def test_enough_money_moves_nothing() -> None:
    """Nor does a run without history, or one that is over."""
    recent = [Predicted(p=0.5, cloud_nano=100)]
    assert paced(LINES, recent, left_nano=10**9, items_left=10) is LINES
    assert paced(LINES, [], left_nano=0, items_left=10) is LINES
    assert paced(LINES, recent, left_nano=0, items_left=0) is LINES


def test_only_what_happened_of_late_counts() -> None:
    """Easy questions long ago do not pay for hard ones now."""
    recent = [Predicted(p=1.0, cloud_nano=100)] * 1000 + [Predicted(p=place / 1000, cloud_nano=100) for place in range(RECENT)]
    assert projected(LINES, recent, items_left=10) == 1000
    assert [answered for answered in range(60) if due(answered)] == [EVERY, 2 * EVERY]


def test_learning_leaves_dollars_to_use_it() -> None:
    """With a budget for a tenth of a thousand questions: twenty to warm up, one in a hundred to go on; with enough, as wanted."""
    short = afforded(LEARNING, budget_nano=100 * 7, questions=1000, answer_nano=7)
    assert (short.warmup, round(short.explore, 6)) == (20, 0.01)
    assert afforded(LEARNING, budget_nano=1000 * 7, questions=1000, answer_nano=7) == LEARNING
    assert afforded(LEARNING, budget_nano=0, questions=1000, answer_nano=0) is LEARNING
