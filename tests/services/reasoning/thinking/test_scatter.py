"""How far answers scatter, and what asking on could gain."""

import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.thinking.scatter import TOLERANCE, Scatter, Votes, followed, gain

VOTES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(lambda votes: tuple(sorted(votes, reverse=True)))
SPREADS = st.sampled_from([0.01, 0.3, 1.0, 4.0, 50.0])


def drawn(spread: float, number: int, draws: random.Random) -> list[str]:
    """Answers from the urn itself."""
    answers: list[str] = []
    for _ in range(number):
        new = draws.random() * (len(answers) + spread) < spread
        answers.append(f"new {len(answers)}" if new else draws.choice(answers))
    return answers


def right(answers: tuple[int, ...], left: int, spread: Fraction) -> Fraction:
    """The chance that the leader is right, answer by answer: no two ways are taken together."""
    counts, total = Counter(answers), len(answers) + spread
    if left == 0:
        return max(counts.values()) / total
    known = sum((count / total * right((*answers, answer), left - 1, spread) for answer, count in counts.items()), Fraction(0))
    return known + spread / total * right((*answers, len(answers)), left - 1, spread)


@pytest.mark.parametrize("votes", [(1,), (2, 1), (1, 1, 1), (3, 1, 1)])
@pytest.mark.parametrize("spread", [Fraction(1, 4), Fraction(3)])
def test_the_gain_is_that_of_all_ways_it_can_go(votes: Votes, spread: Fraction) -> None:
    """As by going through every order in which four others can answer."""
    answers = tuple(answer for answer, count in enumerate(votes) for _ in range(count))
    expected = right(answers, 4, spread) - right(answers, 0, spread)
    assert gain(votes, 4, float(spread)) == approx(float(expected))


@given(VOTES, st.integers(0, 8), SPREADS)
def test_more_answers_never_harm(votes: Votes, left: int, spread: float) -> None:
    """What asking gains is a chance, nothing when nobody is left, and no less when more are."""
    assert gain(votes, 0, spread) == 0
    assert -1e-12 <= gain(votes, left, spread) <= gain(votes, left + 1, spread) + 1e-12 <= 1


@given(VOTES)
def test_each_way_a_vote_can_go_on_comes_once(votes: Votes) -> None:
    """One answer more, most votes first; the new one is the last."""
    ways = list(followed(votes))
    assert len(ways) == len(set(ways)) == len(set(votes)) + 1
    assert all(list(way) == sorted(way, reverse=True) and sum(way) == sum(votes) + 1 for way in ways)
    assert ways[-1] == (*votes, 1)


@pytest.mark.parametrize("spread", [0.1, 1.0, 6.0])
@pytest.mark.parametrize("hasty", [False, True])
def test_a_spread_is_learned_though_asking_stops_early(spread: float, *, hasty: bool) -> None:
    """From 2,000 votes that come from an urn of it, each broken off once two agree or never: to a fifth."""
    draws, scatter = random.Random(7), Scatter()
    for _ in range(2000):
        answers = drawn(spread, 8, draws)
        asked = next((count for count in range(2, 8) if len(set(answers[:count])) < count), 8) if hasty else 8
        scatter = scatter.seen(asked, len(set(answers[:asked])))
    assert scatter.spread == approx(spread, rel=0.2)


def test_a_few_votes_say_nothing() -> None:
    """Ten of a kind are needed; then even unanimous ones leave a spread, and scattered ones have a bound."""
    agreed = scattered = Scatter()
    for _ in range(9):
        agreed, scattered = agreed.seen(3, 1), scattered.seen(8, 8)
    assert (agreed.spread, scattered.spread) == (None, None)
    agreed, scattered = agreed.seen(3, 1), scattered.seen(8, 8)
    assert agreed.spread is not None
    assert scattered.spread is not None
    assert 0 < agreed.spread < 0.2
    assert 20 < scattered.spread <= 1000


def test_agreement_and_scatter_both_settle() -> None:
    """Where all agree nothing is gained after two, where none do after one; between the two there is."""
    assert gain((2,), 6, 0.05) < TOLERANCE
    assert gain((1,), 7, 200.0) < TOLERANCE
    assert gain((1, 1), 6, 0.05) > gain((2, 1), 5, 1.0) > TOLERANCE
