"""The single values people write: lengths of time, moments, dollars, addresses. What is read and what is written agree."""

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"([0-9]+[dhms])+")
_PART: Final = re.compile(r"([0-9]+)([dhms])")
_LONGEST_DURATION_CHARACTERS: Final = 32
_CREDENTIALS: Final = "(?i)//[^/?#]*@|^[^/?#]*:[^/?#]*@|[?&#][^=&]*(token|secret|password|signature|credential|api_?key)[^=&]*="
_TAKE_OUT: Final = "holds a user name, password or key: take it out and give credentials by environment or Secret"


def duration(text: object) -> object:
    """`"1h30m"` as a timedelta; a timedelta stays as it is.

    Raises:
        ValueError: when the text is no whole number of d, h, m and s, such as `90` or `1.5h`.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or len(text) > _LONGEST_DURATION_CHARACTERS or not _DURATION.fullmatch(text):
        message = 'is no duration: write whole numbers with units d, h, m or s, such as "90s" or "1h30m"'
        raise ValueError(message)
    try:
        return timedelta(seconds=sum(int(count) * _UNITS_S[unit] for count, unit in _PART.findall(text)))
    except OverflowError:
        message = "is longer than time is counted: write a shorter one"
        raise ValueError(message) from None


def duration_text(value: timedelta) -> str:
    """The shortest text that `duration` reads back as `value`, in whole seconds."""
    rest, parts = int(value.total_seconds()), ""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS_S[unit])
        parts += f"{count}{unit}" if count else ""
    return parts or "0s"


def holds_secret(text: str) -> bool:
    """Whether an address carries a user, a password or a signature, which nobody may print."""
    return re.search(_CREDENTIALS, text) is not None


def _address(value: object) -> object:
    if isinstance(value, str) and holds_secret(value):
        raise ValueError(_TAKE_OUT)
    return value


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


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]+[dhms])+$", "maxLength": _LONGEST_DURATION_CHARACTERS}),
]
"""A length of time, written as `90s`, `10m` or `1h30m`."""

Time = Annotated[
    datetime,
    BeforeValidator(_utc),
    PlainSerializer(_time_text, return_type=str, when_used="unless-none"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment, RFC 3339, UTC."""

_DOLLARS: Final = BeforeValidator(_dollars)
_AS_NUMBER: Final = PlainSerializer(float, return_type=float)

Usd = Annotated[Decimal, Field(ge=0), _DOLLARS, _AS_NUMBER, WithJsonSchema({"type": "number", "minimum": 0})]
"""US dollars as people write them: a plain number, not below 0."""

UsdLimit = Annotated[Decimal, Field(gt=0), _DOLLARS, _AS_NUMBER, WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
"""US dollars that may be spent: more than 0."""

UsdText = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"}),
]
"""US dollars as we count them: decimal text, so that adding up never rounds."""

WITHOUT_CREDENTIALS: Final = BeforeValidator(_address)
"""Refuses an address with credentials. Stands behind all limits of the text, or pydantic forgets them in the schema."""

CREDENTIALS_RULE: Final = Field(
    json_schema_extra={"x-kubernetes-validations": [{"rule": f"!self.matches('{_CREDENTIALS}')", "message": _TAKE_OUT}]}
)
"""The same for the API server."""

Address = Annotated[str, WITHOUT_CREDENTIALS, CREDENTIALS_RULE]
"""Where something is kept. Never with credentials in it."""

StoreUri = Annotated[
    str,
    Field(pattern=r"^(file:///.*|s3://[a-z0-9][-.a-z0-9]*(/.*)?)$", max_length=1024),
    WITHOUT_CREDENTIALS,
    CREDENTIALS_RULE,
]
"""A folder, or a prefix in a bucket."""

Measured = Annotated[float | None, BeforeValidator(_finite)]
"""A measured number; one that is not finite, such as the loss of a run that diverged, is written as none at all."""
