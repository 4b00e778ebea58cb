"""Amounts as Kubernetes writes them, a number or a text such as 500m, 4 or 16Gi: which texts are one, and what they come to.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/, less what nobody means: signs and exponents.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from .shape import VALIDATIONS, quoted

_AMOUNT: Final = re.compile(r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i)?")
_FACTORS: Final = {
    "": Decimal(1),
    **{sign: Decimal(1000) ** -power for power, sign in enumerate("mun", start=1)},
    **{sign: Decimal(1000) ** power for power, sign in enumerate("kMGTPE", start=1)},
    **{f"{sign}i": Decimal(1024) ** power for power, sign in enumerate("KMGTPE", start=1)},
}
_MOST_CHARACTERS: Final = 32
_DIGIT: Final = r"\d"
EXPONENT: Final = "[eE][-+0-9]"
"""Where an exponent begins; an E that ends a text, or stands before its i, is a unit."""
_LARGEST: Final = 2**63 - 1  # the API server holds whole numbers in 64 bits
_NO_AMOUNT: Final = "is no amount: write a number, with a unit of Kubernetes where it needs one, such as 500m, 4 or 16Gi"


def amount(text: str) -> Decimal:
    """What a quantity comes to, in processors or bytes."""
    found = _AMOUNT.fullmatch(text)
    assert found, text
    number, unit = found.groups(default="")
    return Decimal(number) * _FACTORS[unit]


def _text(value: object) -> object:
    """A whole number as text; what else it may be is said of texts."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if not 0 <= value <= _LARGEST:
        raise ValueError(_NO_AMOUNT)
    return str(value)


def _read(value: object) -> object:
    text = _text(value)
    if isinstance(text, str) and len(text) <= _MOST_CHARACTERS and not _AMOUNT.fullmatch(text):
        raise ValueError(_NO_AMOUNT)
    return text


def _rule(cel: str) -> dict[str, str]:
    as_number, as_text = quoted(f"%s {_NO_AMOUNT}"), quoted('"%s" ' + _NO_AMOUNT)
    said = f"(type(self) == int ? {as_number} : {as_text}).format([self])"
    return {"rule": cel, "message": _NO_AMOUNT, "messageExpression": said}


# The server's parser takes no number at all, such as Gi, for 0. Two rules, since one that asked for all could cost too much: older servers
# reckon with a text as long as a request.
_IN_CEL: Final[dict[str, Any]] = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
    "maxLength": _MOST_CHARACTERS,
    VALIDATIONS: [
        _rule(f"type(self) == int ? self >= 0 : isQuantity(self) && !self.matches('{EXPONENT}') && !self.startsWith('-')"),
        _rule(f"type(self) == int || !isQuantity(self) || self.matches({quoted(_DIGIT)})"),
    ],
}

Quantity = Annotated[str, Field(max_length=_MOST_CHARACTERS), BeforeValidator(_read), WithJsonSchema(_IN_CEL)]
"""An amount as Kubernetes writes it, such as 500m, 4 or 16Gi; kept as text."""
