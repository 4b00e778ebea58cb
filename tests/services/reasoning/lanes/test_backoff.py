"""How long is waited after failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.lanes.backoff import FIRST_S, MOST_S, pause_s


def test_the_bound_doubles_up_to_a_most() -> None:
    """Whoever draws 1 sees the bound itself."""
    assert [pause_s(failures, chance=1.0) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause_s(10**9, chance=1.0) == MOST_S


@given(st.integers(1, 100), st.floats(0, 1), st.floats(0, 3600))
def test_what_the_server_asks_for_is_waited_in_full(failures: int, chance: float, told_s: float) -> None:
    """And a little more, so that not all come back in the same moment."""
    assert told_s <= pause_s(failures, chance=chance, told_s=told_s) <= told_s + FIRST_S


def test_those_who_failed_together_come_back_spread_out() -> None:
    """Over the whole time, evenly: that is what full jitter is for."""
    waits = sorted(pause_s(5, chance=number / 100) for number in range(101))
    assert waits == pytest.approx([16 * number / 100 for number in range(101)])
