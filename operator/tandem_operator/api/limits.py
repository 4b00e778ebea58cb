"""What is said of a number beyond the limits of its field, in the same words here and by the API server.

The server's own words for a schema's `minimum` name the limit, but not what to do: so it is given rules in CEL in place of limits
(https://kubernetes.io/docs/reference/using-api/cel/). A rule cannot speak of a value of another type, such as a text, nor in place of a
list of choices; there the server's own words say what it would take.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from .shape import quoted

LEAST: Final = "is too small: write {} or more"
ABOVE: Final = "is too small: write more than {}"
MOST: Final = "is too large: write {} or less"
BELOW: Final = "is too large: write less than {}"

_LIMITS: Final = {"minimum": (">=", LEAST), "exclusiveMinimum": (">", ABOVE), "maximum": ("<=", MOST), "exclusiveMaximum": ("<", BELOW)}
"""By the names of JSON Schema: how a number compares that keeps to it, and the sentence about one that does not."""


def plain(limit: float | Decimal) -> str:
    """A limit as people write it: a whole number without a point, however large."""
    return str(int(limit)) if limit == int(limit) else str(limit)


def rules(schema: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """A rule for each limit of a number, for the API server."""
    for name, (sign, sentence) in _LIMITS.items():
        if name in schema:
            limit = plain(schema[name])
            said = sentence.format(limit)
            yield {"rule": f"self {sign} {limit}", "message": said, "messageExpression": f"{quoted(f'%s {said}')}.format([self])"}
