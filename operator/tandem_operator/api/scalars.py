"""The single values people write: lengths of time, moments, dollars, addresses. What is read and what is written agree."""

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

from . import limits
from .rule import entering
from .shape import VALIDATIONS, Shape, quoted

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART: Final = re.compile(r"([0-9]+)([dhms])")
_NO_DURATION: Final = 'is no duration: write whole numbers with units d, h, m or s, such as "90s" or "1h30m"'
_DURATION: Final = Shape(most=32, pattern="([0-9]+[dhms])+", instead=_NO_DURATION)
_NOTHING: Final = "pays for nothing: write more than 0, or leave it out for no limit"
_LONGEST_S: Final = 1000 * 365 * 86400  # whatever is longer never passes, and a moment that much later still has a date


def duration(text: object) -> object:
    """`"1h30m"` as a timedelta, a thousand years at most; a timedelta stays as it is.

    Raises:
        ValueError: when the text is no whole number of d, h, m and s, such as `90` or `1.5h`.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or len(text) > _DURATION.most:
        raise ValueError(_NO_DURATION)
    length_s = sum(int(count) * _UNITS_S[unit] for count, unit in _PART.findall(_DURATION.checked(text)))
    return timedelta(seconds=min(length_s, _LONGEST_S))


def duration_text(value: timedelta) -> str:
    """The shortest text that `duration` reads back as `value`, in whole seconds."""
    rest, parts = int(value.total_seconds()), ""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS_S[unit])
        parts += f"{count}{unit}" if count else ""
    return parts or "0s"


def _utc(value: object) -> object:
    """Times are kept in UTC, as Kubernetes writes them."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _time_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _dollars(value: object) -> object:
    """Numbers only: text would be refused by the API server."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        message = "is no amount of US dollars: write a plain number without quotes or sign, such as 12.50"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueErrors, and lets TypeErrors through
    return value


def _above_nothing(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError(_NOTHING)
    return value


def _meant(value: Decimal, info: ValidationInfo) -> Decimal:
    """A run that is stored may have begun before there was a most: it is read with what it has, and cared for."""
    if value > MOST_USD and entering(info.context):
        raise ValueError(limits.MOST.format(MOST_USD))
    return value


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^({_DURATION.pattern})$", "maxLength": _DURATION.most, VALIDATIONS: _DURATION.rules}),
]
"""A length of time, written as `90s`, `10m` or `1h30m`."""

Time = Annotated[
    datetime,
    BeforeValidator(_utc),
    PlainSerializer(_time_text, return_type=str, when_used="unless-none"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment, RFC 3339, UTC."""

MOST_USD: Final = 1_000_000_000
"""No amount that people hand in is larger: none is meant, and what is reckoned from one keeps its cents."""

_DOLLARS: Final = BeforeValidator(_dollars)
_AS_NUMBER: Final = PlainSerializer(float, return_type=float)
_NO_MORE: Final = AfterValidator(_meant)

_MOST: Final = {"maximum": MOST_USD}

Usd = Annotated[Decimal, Field(ge=0), _NO_MORE, _DOLLARS, _AS_NUMBER, WithJsonSchema({"type": "number", "minimum": 0, **_MOST})]
"""US dollars as people write them: a plain number, not below 0."""

_ABOVE_NOTHING: Final = {"rule": "self > 0", "message": _NOTHING, "messageExpression": f"{quoted(f'%s {_NOTHING}')}.format([self])"}

UsdLimit = Annotated[
    Decimal,
    AfterValidator(_above_nothing),
    _NO_MORE,
    _DOLLARS,
    _AS_NUMBER,
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, **_MOST, VALIDATIONS: [_ABOVE_NOTHING, *limits.rules(_MOST)]}),
]
"""US dollars that may be spent: more than 0."""

UsdText = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"}),
]
"""US dollars as we count them: decimal text, so that adding up never rounds."""

Address = Annotated[str, Shape(most=1024, least=1, bare=True)]
"""Where something is kept. Never with credentials in it."""

StoreUri = Annotated[
    str,
    Shape(
        most=1024,
        bare=True,
        pattern="file:///.*|s3://[a-z0-9][-.a-z0-9]*(/.*)?",
        instead="is no place for files: write s3://bucket/prefix or file:///folder",
    ),
]
"""A folder, or a prefix in a bucket."""

HostPort = Annotated[
    str,
    Shape(
        most=261,
        bare=True,
        pattern=r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}",
        instead="is no address of a service: write host:port, such as memory.team.svc:7070",
    ),
]
"""Where a gRPC server listens."""

Total = Annotated[int, Field(exclude_if=lambda total: total == 0)]
"""How many there are in all: left out of what is written until somebody has counted them, so that nobody reads "of 0"."""

Measured = Annotated[float | None, BeforeValidator(_finite)]
"""A measured number; one that is not finite, such as the loss of a run that diverged, is written as none at all."""
