"""What is expected of questions that were not seen, from those that were."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.routing.replay.credibility import Filled, filled

NOT_SEEN = float("nan")
QUESTIONS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([0.05, 1.0]), st.sampled_from([0.0, 1.0, NOT_SEEN])), min_size=1, max_size=40
)


def of(questions: list[tuple[str, float, float]], spread: float = 0.25) -> Filled:
    """Questions of a class, a chance and a value."""
    kinds, chances, values = zip(*questions, strict=True)
    return filled(np.array(values), [kinds, chances], spread=spread)


@given(QUESTIONS.filter(lambda questions: any(np.isfinite(value) for _, _, value in questions)))
def test_what_was_seen_stays_and_the_rest_lies_between(questions: list[tuple[str, float, float]]) -> None:
    """Whatever was seen of whom: nothing is expected beyond what there was, and only what is not all seen is in doubt."""
    found, values = of(questions), np.array([value for _, _, value in questions])
    seen = np.isfinite(values)
    assert found.values_N[seen].tolist() == values[seen].tolist()
    assert values[seen].min() - 1e-9 <= found.values_N.min() <= found.values_N.max() <= values[seen].max() + 1e-9
    assert (found.error == 0) == bool(seen.all())


def test_a_class_of_which_little_was_seen_is_not_taken_for_another() -> None:
    """A lane that had four of four right in one class and two of four in five others has nearly all right in that one."""
    good = [("good", 1.0, 1.0)] * 4 + [("good", 1.0, NOT_SEEN)] * 36
    middling = [(f"middling {number}", 1.0, float(place % 2)) for number in range(5) for place in range(4)]
    assert of(good + middling).values_N[39] > 0.9


def test_a_class_of_which_nothing_was_seen_is_taken_for_the_whole_and_in_doubt() -> None:
    """The more so, the larger it is."""
    known, small = [("known", 1.0, float(place % 2)) for place in range(100)], [("other", 1.0, NOT_SEEN)] * 10
    assert of(known + small).values_N[-1] == approx(0.5, abs=0.01)
    assert 0.03 < of(known + small).error < of(known + small * 10).error < 0.5


def test_what_differs_by_chance_of_being_seen_is_found_and_not_taken_for_granted() -> None:
    """Six that were looked at by lot stand for the others like them where they differ from those asked on purpose; else all are alike."""
    asked, rest = [("a", 1.0, 1.0)] * 100, [("a", 0.05, NOT_SEEN)] * 100
    assert of(asked + rest + [("a", 0.05, 0.0)] * 6).values_N[100] < 0.1
    lots = [(kind, chance, float(place % 2)) for kind in "ab" for chance in (1.0, 0.05) for place in range(50)]
    alike = of([*lots, ("a", 0.5, NOT_SEEN), ("a", 0.5, 1.0)]).values_N[-2]
    assert 0.5 <= alike < 0.6


def test_what_never_differs_is_no_different_where_it_was_not_seen() -> None:
    """A price that is always the same."""
    found = of([("a", 1.0, 7.0), ("b", 1.0, NOT_SEEN)], spread=0.0)
    assert (found.values_N.tolist(), found.error) == ([7.0, 7.0], 0.0)
