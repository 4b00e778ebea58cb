"""How amounts are written for people: short, with their unit, and a dash for what is not known."""

import shutil
import textwrap
from datetime import datetime, timedelta
from decimal import Decimal

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.conditions import BUDGET_OK, reason_of
from tandem_operator.plan.policies.budget import Standing

NOTHING = "-"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_NARROWEST = 40


def length(seconds: float | None) -> str:
    """A length of time in its two largest units."""
    if seconds is None:
        return NOTHING
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return f"{whole}s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m{whole % _MINUTE_S:02}s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S}h{whole % _HOUR_S // _MINUTE_S:02}m"
    return f"{whole // _DAY_S}d{whole % _DAY_S // _HOUR_S:02}h"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago something was."""
    return NOTHING if at is None else length((now - at).total_seconds())


def clock(at: datetime) -> str:
    """A moment of today, on the clock of whoever reads it."""
    return f"{at.astimezone():%H:%M:%S}"


def number(value: float | None, digits: int = 0) -> str:
    """A number with groups of three."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def size(count: int) -> str:
    """Bytes, in decimal units as disks and object stores count them."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - the step between decimal units
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def progress(status: RunStatus) -> str:
    """Steps done, of how many."""
    return f"{status.step}/{status.total_steps}" if status.total_steps else NOTHING


def checkpoint(status: RunStatus, now: datetime) -> str:
    """The newest checkpoint and its age."""
    kept = status.checkpoint
    return NOTHING if kept is None else f"step {kept.step}, {age(kept.at, now)} ago"


def spend(run: TrainingRun) -> str:
    """Dollars spent, and of how many; and that something is not counted, for want of a price."""
    limit = run.spec.budget.usd
    spent = dollars(run.status.spent_usd)
    uncounted = " (no price)" if reason_of(run.status, BUDGET_OK) == Standing.NO_PRICE else ""
    return spent if limit is None else f"{spent} of {dollars(Decimal(limit))}{uncounted}"


def wrapped(text: str, indent: int) -> str:
    """A text as wide as the terminal, its later lines indented; addresses and paths stay whole, so that they can be copied."""
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    return textwrap.fill(text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def running_for(status: RunStatus | DualRunStatus, now: datetime) -> timedelta | None:
    """From the first start to the end, or until now."""
    return None if status.started_at is None else (status.finished_at or now) - status.started_at
