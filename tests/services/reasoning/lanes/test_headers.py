"""When a server wants to be asked again, in all the ways that this is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.lanes.asking.headers import LONGEST_WAIT_S, after_s, allowance, seconds_of
from tandem_reasoning.lanes.outcome import Allowance

NOW = 1_796_028_800.0  # Mon, 30 Nov 2026 08:53:20 GMT


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("12ms", 0.012), ("1.5s", 1.5), ("6m0s", 360), ("2m59.56s", 179.56), ("1h2m3s", 3723), ("7", 7), ("0.25", 0.25), ("1d", 86400)],
)
def test_spans_are_written_in_many_ways(span: str, seconds: float) -> None:
    """With units, as Go writes them, or as a plain number."""
    assert seconds_of(span) == pytest.approx(seconds)


@pytest.mark.parametrize("span", ["", "soon", "6m0", "s", "12 parsecs", "nan", "inf"])
def test_what_is_no_span_is_none(span: str) -> None:
    """And is not guessed at."""
    assert seconds_of(span) is None


@pytest.mark.parametrize(
    ("headers", "said", "wait_s"),
    [
        ({"retry-after": "20"}, "", 20.0),
        ({"retry-after": "0.4"}, "", 0.4),
        ({"retry-after-ms": "350", "retry-after": "1"}, "", 0.35),
        ({"retry-after": "Mon, 30 Nov 2026 08:53:50 GMT"}, "", 30.0),
        ({"retry-after": "Mon, 30 Nov 2026 10:00:30 GMT", "date": "Mon, 30 Nov 2026 10:00:00 GMT"}, "", 30.0),
        ({"retry-after": "Mon, 30 Nov 2020 08:53:50 GMT"}, "", 0.0),
        ({"retry-after": "-3"}, "", 0.0),
        ({"retry-after": "1e9"}, "", LONGEST_WAIT_S),
        ({}, "Rate limit reached. Please try again in 1m2.5s. Visit", 62.5),
        ({}, "Please retry in 34.07s.", 34.07),
        ({"retry-after": "shortly"}, "", None),
        ({"retry-after": "Mon, 99 Nov 2026"}, "", None),
        ({}, "", None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], said: str, wait_s: float | None) -> None:
    """By header or in words; a date counts from the server's own clock, and nobody shuts a lane for a day by a slip."""
    assert after_s(headers, said, Allowance(), wall_s=NOW) == (None if wait_s is None else pytest.approx(wait_s))


def test_a_limit_that_is_used_up_says_when_it_is_not() -> None:
    """If nothing else does; the reset of a limit that is not used up says nothing."""
    assert after_s({}, "", Allowance(requests_left=0, requests_reset_s=9.0, tokens_left=5, tokens_reset_s=3.0), wall_s=NOW) == 9.0
    assert after_s({}, "", Allowance(tokens_left=0, tokens_reset_s=3.0), wall_s=NOW) == 3.0
    assert after_s({}, "", Allowance(requests_left=1, requests_reset_s=9.0), wall_s=NOW) is None


@pytest.mark.parametrize(("reset", "seconds"), [("12ms", 0.012), ("30", 30.0), (f"{NOW + 5:.0f}", 5.0), (f"{1000 * (NOW + 5):.0f}", 5.0)])
def test_resets_are_waits_or_moments(reset: str, seconds: float) -> None:
    """Some write the moment since 1970, in seconds or milliseconds."""
    assert allowance({"x-ratelimit-reset": reset}, wall_s=NOW).requests_reset_s == pytest.approx(seconds)


def test_what_is_left_is_a_count() -> None:
    """The plain name stands for requests, the longer one goes first, and -1 is said by those who count nothing."""
    assert allowance({"x-ratelimit-remaining": "5"}, wall_s=NOW).requests_left == 5
    assert allowance({"x-ratelimit-remaining": "5", "x-ratelimit-remaining-requests": "6"}, wall_s=NOW).requests_left == 6
    assert allowance({"x-ratelimit-remaining-tokens": "-1"}, wall_s=NOW) == Allowance()


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date", "x-ratelimit-reset"]), st.text(max_size=40)), st.text())
def test_no_header_is_too_strange(headers: dict[str, str], said: str) -> None:
    """Whatever it holds, a wait is none or a time that people can wait."""
    wait = after_s(headers, said, allowance(headers, wall_s=NOW), wall_s=NOW)
    assert wait is None or 0.0 <= wait <= LONGEST_WAIT_S
