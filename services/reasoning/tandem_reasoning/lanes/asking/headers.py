"""What a server says in headers of when to come back and of how much it still takes. Pure.

Retry-After is a number of seconds or a date (RFC 9110, 10.2.3). `x-ratelimit-*` is a habit and no standard: resets are written as 12ms,
6m0s, seconds, or a moment since 1970 in seconds or milliseconds, depending on whom one asks.
"""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from tandem_reasoning.lanes.outcome import Allowance

LONGEST_WAIT_S = 3600.0
"""Who asks for more is asked again after this: a lane that is shut for a day by a slip of a header helps nobody."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRY_AGAIN = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)", re.IGNORECASE)
_SINCE_1970_S = 1e9  # a number of seconds as large as this is a moment, not a wait: 31 years
_SINCE_1970_MS = 1e11


def allowance(headers: Mapping[str, str], *, wall_s: float) -> Allowance:
    """What is left.

    Args:
        headers: Names in lower case.
        wall_s: Now, in seconds since 1970.
    """
    return Allowance(
        requests_left=_count(headers, "x-ratelimit-remaining-requests", "x-ratelimit-remaining"),
        requests_reset_s=_span(headers, "x-ratelimit-reset-requests", "x-ratelimit-reset", wall_s=wall_s),
        tokens_left=_count(headers, "x-ratelimit-remaining-tokens"),
        tokens_reset_s=_span(headers, "x-ratelimit-reset-tokens", wall_s=wall_s),
    )


def after_s(headers: Mapping[str, str], said: str, left: Allowance, *, wall_s: float) -> float | None:
    """How many seconds a server that refuses wants to be left alone; None when it says nothing.

    Args:
        headers: Names in lower case.
        said: Its words in the body: "Please try again in 20s" is the only place where some tell.
        left: Its limits; the reset of one that is used up counts when nothing else is said.
        wall_s: Now, in seconds since 1970.
    """
    told = (
        _milliseconds(headers.get("retry-after-ms", "")),
        _retry_after(headers, wall_s),
        seconds_of(found[1]) if (found := _TRY_AGAIN.search(said)) else None,
        left.requests_reset_s if left.requests_left == 0 else None,
        left.tokens_reset_s if left.tokens_left == 0 else None,
    )
    return next((min(max(wait, 0.0), LONGEST_WAIT_S) for wait in told if wait is not None), None)


def seconds_of(span: str) -> float | None:
    """Seconds in a span such as 12ms, 1.5s or 6m0s, or in a plain number; None when it is neither."""
    text = span.strip().lower()
    parts = _SPAN.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    return _number(text)


def _retry_after(headers: Mapping[str, str], wall_s: float) -> float | None:
    value = headers.get("retry-after", "")
    if (span := seconds_of(value)) is not None:
        return span
    moment = _date(value)
    if moment is None:
        return None
    now = _date(headers.get("date", ""))  # of the server's own clock, which need not agree with ours
    return moment - (wall_s if now is None else now)


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _milliseconds(text: str) -> float | None:
    number = _number(text)
    return None if number is None else number / 1000


def _count(headers: Mapping[str, str], *names: str) -> int | None:
    """The first that is there and no less than 0: -1 is how some write that nothing is counted."""
    numbers = (_number(headers[name]) for name in names if name in headers)
    return next((int(number) for number in numbers if number is not None and number >= 0), None)


def _span(headers: Mapping[str, str], *names: str, wall_s: float) -> float | None:
    text = next((headers[name] for name in names if name in headers), "")
    span = seconds_of(text)
    if span is None or span < _SINCE_1970_S:
        return span
    return max(0.0, (span / 1000 if span > _SINCE_1970_MS else span) - wall_s)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
