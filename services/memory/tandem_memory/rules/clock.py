"""Moments as they are kept: whole microseconds since 1970, in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def microseconds(moment: datetime) -> int:
    """How many since 1970."""
    return (moment - EPOCH) // _MICROSECOND
