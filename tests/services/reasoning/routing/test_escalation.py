"""Votes that are handed on: when."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.routing.escalation import Reliability

SEEN = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40)


def reliability(seen: list[tuple[float, bool]]) -> Reliability:
    found = Reliability()
    for share, agreed in seen:
        found = found.seen(share, agreed=agreed)
    return found


def test_a_vote_moves_the_odds_by_bayes_rule() -> None:
    """Unanimous where the lanes agree in 30 of 40, where they do not in 10 of 40: odds times 31/11, with one imagined of each share."""
    found = reliability([(1.0, True)] * 30 + [(0.5, True)] * 10 + [(1.0, False)] * 10 + [(0.5, False)] * 30)
    odds = Fraction(1, 4) * Fraction(31, 49) / Fraction(11, 49)
    assert found.agrees(0.2, 1.0) == approx(float(odds / (1 + odds)))


@given(SEEN, st.floats(0, 1), st.floats(0, 1))
def test_a_vote_without_history_says_nothing(seen: list[tuple[float, bool]], p: float, share: float) -> None:
    """Before anything was seen neighbours alone count; certain neighbours stay certain; it is always a chance."""
    assert Reliability().agrees(p, share) == approx(p)
    found = reliability(seen)
    assert 0 <= found.agrees(p, share) <= 1
    assert (found.agrees(0.0, share), found.agrees(1.0, share)) == (0, 1)


@given(SEEN, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_every_share_above_the_line_is_sure_enough(seen: list[tuple[float, bool]], p: float, sure: float) -> None:
    """And where no vote could be, a unanimous one is not; with little history there is no line."""
    found = reliability(seen)
    if min(sum(found.agreed.values()), sum(found.differed.values())) < 10:
        assert found.accepted_from(p, sure) == 0
        return
    least = found.accepted_from(p, sure)
    if least > 1:
        assert found.agrees(p, 1.0) < sure
        return
    assert all(found.agrees(p, share) >= sure for share in (place / 8 for place in range(9)) if share >= least)
