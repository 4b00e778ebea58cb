"""Figures as people read them; what is not known is a dash and never a number."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from tandem_reasoning.report.proportion import Proportion
from tandem_reasoning.scores.score import Interval
from tandem_reasoning.values import NANO_USD

NOTHING = "-"
_MINUTE_S, _HOUR_S = 60, 3600
_CENT = 0.01


def number(value: float | None, digits: int = 0) -> str:
    """A number with so many digits behind the point."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(part: float | None, digits: int = 1) -> str:
    """A part of one."""
    return NOTHING if part is None else f"{part * 100:.{digits}f} %"


def share(part: Proportion) -> str:
    """A part of one, and between what it lies."""
    return with_interval(part.value, part.interval)


def with_interval(part: float | None, interval: Interval | None) -> str:
    """A part of one, and between what it lies."""
    if part is None or interval is None:
        return percent(part)
    return f"{percent(part)} ({interval.low * 100:.0f} to {interval.high * 100:.0f})"


def figure(value: float | None, interval: Interval | None = None) -> str:
    """A score, and between what it lies."""
    if value is None:
        return NOTHING
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def dollars(nano: float | None) -> str:
    """US dollars; small sums keep three digits that say something."""
    if nano is None:
        return NOTHING
    usd = nano / NANO_USD
    if not usd:
        return "$0"
    if abs(usd) >= _CENT:
        return f"${usd:,.2f}" if usd == round(usd, 2) or abs(usd) >= 1 else f"${usd:,.4f}"
    return f"${float(f'{usd:.3g}'):.9f}".rstrip("0")


def exact_usd(nano: float) -> str:
    """US dollars for programs: all digits."""
    return f"{Decimal(round(nano)) / NANO_USD:f}"


def seconds(value: float | None) -> str:
    """How long something took."""
    if value is None:
        return NOTHING
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < _MINUTE_S:
        return f"{value:.1f} s"
    if value < _HOUR_S:
        return f"{value / _MINUTE_S:.1f} min"
    return f"{value / _HOUR_S:.1f} h"


def moment(at: float | None) -> str:
    """A moment, UTC."""
    return NOTHING if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
