"""What is asked first in order to learn."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.routing.curiosity.order import Candidate, order

CANDIDATES = st.lists(
    st.builds(Candidate, item=st.text(max_size=4), disagreement=st.floats(0, 1), group=st.sampled_from("abc")),
    max_size=15,
    unique_by=lambda each: each.item,
)


@given(CANDIDATES, st.randoms())
def test_all_come_once_in_an_order_of_their_own(candidates: list[Candidate], random: object) -> None:
    """Whatever order they are given in; within a group the one that experts disagree most about is first."""
    found = order(candidates)
    assert sorted(found) == sorted(each.item for each in candidates)
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert order(shuffled) == found
    for group in "abc":
        disagreements = [each.disagreement for item in found for each in candidates if each.item == item and each.group == group]
        assert disagreements == sorted(disagreements, reverse=True)


def test_large_groups_come_first_and_take_turns() -> None:
    """Disagreement times size, and half of it for the second of a group."""
    big = [Candidate(item=f"big{number}", disagreement=0.5, group="big") for number in (3, 2, 1)]
    small = [Candidate(item="small", disagreement=0.9, group="small")]
    assert order([*big, *small]) == ("big3", "small", "big2", "big1")
