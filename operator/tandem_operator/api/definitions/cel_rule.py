"""A rule as the API server asks it: an expression in CEL that is true when it is kept, and the sentence for people when it is not.

CEL as Kubernetes has it: https://kubernetes.io/docs/reference/using-api/cel/. Values in a sentence need a `messageExpression`, which
stands for `message` wherever it can be reckoned.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from tandem_operator.api.shape import quoted, shown

_LARGEST: Final = 2**63 - 1


class Cel(str):
    """A piece of a sentence that is an expression; any other piece is taken as it is written."""

    __slots__ = ()


class Text(Cel):
    """One that stands in quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CelRule:
    """A rule over one object.

    Attributes:
        rule: True when it is kept. Limits of numbers are asked beside it, by rules of their own: where it reckons, it guards itself.
        message: What is wrong, and what to do about it.
        field: What that is about; empty for the object itself.
        said: The same with the values, as an expression.
    """

    rule: str
    message: str
    field: str = ""
    said: str = ""

    def written(self) -> dict[str, str]:
        """An entry of `x-kubernetes-validations`."""
        said = {"messageExpression": str(self.said)} if self.said else {}
        place = {"fieldPath": f".{self.field}"} if self.field else {}
        return {"rule": self.rule, "message": self.message, **said, **place}


def sentence(*pieces: str) -> Cel:
    """The expression for a sentence out of pieces.

    It is filled in by `format` (Kubernetes 1.29), which the server reckons cheap; to add texts up whose length it does not know, such as
    that of a number, would cost more than it allows.
    """
    form = "".join(_form(piece) for piece in pieces)
    values = ", ".join(piece for piece in pieces if isinstance(piece, Cel))
    return Cel(f"{quoted(form)}.format([{values}])" if values else quoted(form))


def _form(piece: str) -> str:
    if isinstance(piece, Cel):
        return '"%s"' if isinstance(piece, Text) else "%s"
    return piece.replace("%", "%%")


def value(expression: str) -> Cel:
    """A value in a sentence, as it is."""
    return Cel(expression)


def text(expression: str) -> Cel:
    """A text in a sentence: in quotes, and cut off where it is long."""
    return Text(shown(expression))


def either(asked: str, yes: str, no: str) -> Cel:
    """One of two expressions."""
    return Cel(f"({asked} ? {yes} : {no})")


def first(*named: tuple[str, str]) -> Cel:
    """The first of the expressions whose condition holds, one of which does."""
    *asked, (_, last) = named
    return Cel(f"({''.join(f'{condition} ? {expression} : ' for condition, expression in asked)}{last})")


def outside(model: type[BaseModel], *fields: str, of: str = "self") -> str:
    """Whether a number is beyond the limits of its field, which is said of it: the rule has then nothing to add, and could not reckon."""
    properties = model.model_json_schema(by_alias=True)["properties"]
    return " || ".join(_beyond(f"{of}.{field}", properties[field]) for field in fields)


def _beyond(value: str, schema: dict[str, Any]) -> str:
    least, most = next((limits["minimum"], limits.get("maximum", _LARGEST)) for limits in _options(schema) if "minimum" in limits)
    beyond = f"{value} < {least} || {value} > {most}"
    return f"(has({value}) && ({beyond}))" if "anyOf" in schema else beyond


def _options(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    yield from schema.get("anyOf", ())
