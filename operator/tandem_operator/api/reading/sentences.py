"""One line a person can act on for each thing that is refused: which field, what stands there, what to write instead."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tandem_operator.api import limits
from tandem_operator.api.credentials import gives_away, holds_secret
from tandem_operator.api.shape import LONGEST_SHOWN

from .document import Path, path_text

_PRIVATE: Final = ("secret", "password", "token", "key", "credential")
_KINDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """What is known of a refused field: its value, what pydantic says, what the field means, what it may hold."""

    value: object
    context: Mapping[str, Any]
    meaning: str
    example: object
    fields: tuple[str, ...]

    @property
    def kind(self) -> str:
        return _KINDS.get(type(self.value), "something else")


def sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    """The line for one error in a document that was read as `model`."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    told = _told(error, model, path)
    if error["type"] in {"missing", "extra_forbidden"}:
        return f"{path_text(path)}: {told}"
    shown = _shown(error["input"], path)
    return f"{path_text(path)}: {shown} {told}" if shown else f"{path_text(path)}: {told}"


def instead(name: str, names: tuple[str, ...]) -> str:
    """What to write instead of an unknown name: the one that was probably meant, or the choice there is."""
    by_lower = {known.lower(): known for known in names}
    close = get_close_matches(name.lower().replace("_", ""), by_lower, n=1)
    if close:
        return f"did you mean {by_lower[close[0]]}?"
    return f"write {' or '.join(names)}" if len(names) < 3 else f"write one of {', '.join(names)}"  # noqa: PLR2004 - "or" joins two


def _told(error: ErrorDetails, model: type[BaseModel], path: Path) -> str:
    if error["type"] == "extra_forbidden":
        return f"there is no such field: {instead(str(path[-1]), _fields(_model_at(model, path[:-1])))}"
    if error["input"] is None and error["type"] not in {"rule", "missing"}:
        return "is left empty: give it a value or take the line out"
    known = _Refused(
        value=error["input"],
        context=error.get("ctx", {}),
        meaning=_meaning(_field(model, path)),
        example=_example(_field(model, path)),
        fields=_fields(_model_at(model, path)),
    )
    return _SENTENCES.get(error["type"], _unforeseen)(known)


def _shown(value: object, path: Path) -> str:
    """The value as people wrote it; nothing for what is structured, empty, or perhaps a secret."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        private = holds_secret(value) or gives_away(value) or _of_secrets(path)
        return "" if private else f'"{value[:LONGEST_SHOWN]}{"…" if len(value) > LONGEST_SHOWN else ""}"'
    return "" if value is None or isinstance(value, dict | list | tuple | BaseModel) else str(value)[:LONGEST_SHOWN]


def _of_secrets(path: Path) -> bool:
    """Whether people could have written a secret there; the key of a taint is none, nor the path of a tokenizer."""
    return (
        "tolerations" not in path
        and path[-1:] != ("tokenizer",)
        and any(word in str(part).lower() for part in path[-2:] for word in _PRIVATE)
    )


def _fields(model: type[BaseModel] | None) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def _meaning(field: FieldInfo | None) -> str:
    """The field's own help text, as the end of a sentence."""
    text = " ".join(field.description.split()).rstrip(".") if field and field.description else ""
    return text[0].lower() + text[1:] if text[1:2].islower() else text


def _example(field: FieldInfo | None) -> object:
    """The field's own default, where it is a number."""
    default = field.default if field else None
    return default if isinstance(default, int | float) and default else None


def _field(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """The innermost field on the way to `path`: an entry of a list means what its list means."""
    for end in range(len(path), 0, -1):
        holder = _model_at(model, path[: end - 1])
        for name, field in holder.model_fields.items() if holder else ():
            if path[end - 1] in {name, field.alias}:
                return field
    return None


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The type of the mapping that `path` leads to; None when it leads to a single value or nowhere."""
    here: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):  # an entry of a list has the type that the list was found to hold
            continue
        fields = here.model_fields.items() if here else ()
        here = next((_held(field.annotation) for name, field in fields if part in {name, field.alias}), None)
    return here


def _held(annotation: object) -> type[BaseModel] | None:
    """The model inside `Model`, `Model | None`, `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((held for part in get_args(annotation) if (held := _held(part))), None)


def _choice(known: _Refused) -> str:
    names = tuple(part.strip("'") for part in str(known.context["expected"]).replace(" or ", ", ").split(", "))
    told = instead(str(known.value), names)
    allowed = f" (allowed: {', '.join(names)})" if told.endswith("?") and len(names) > 1 else ""
    return f"is not known here: {told}{allowed}"


def _mapping_wanted(known: _Refused) -> str:
    below = f": write its fields below it: {', '.join(known.fields)}" if known.fields else ": write `name: value` lines below it"
    return f"is {known.kind}, not a mapping{below}"


def _text_wanted(known: _Refused) -> str:
    return f"is {known.kind}, not text: {'write a single text' if isinstance(known.value, dict | list) else 'put it in quotes'}"


def _number_wanted(known: _Refused) -> str:
    return f"is {known.kind}, not a number: write one without quotes, such as {known.example or 0.5}"


def _whole_number_wanted(known: _Refused) -> str:
    kind = "no whole number" if isinstance(known.value, float) else f"{known.kind}, not a whole number"
    return f"is {kind}: write one without quotes, such as {known.example or 4}"


def _unforeseen(known: _Refused) -> str:
    return f"is not accepted here: {known.meaning or 'write another value'}"


def _limits(**names: str) -> Iterator[tuple[str, Callable[[_Refused], str]]]:
    """Sentences for values beyond a limit: pydantic's name of the error, and ours with the name of its limit in braces."""
    for error, template in names.items():
        yield error, lambda known, template=template: template.format(**_plain(known.context))


def _plain(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the point that whole limits of fractions have."""
    return {name: limits.plain(value) if isinstance(value, float | Decimal) else value for name, value in context.items()}


_SENTENCES: Final[Mapping[str, Callable[[_Refused], str]]] = {
    "bool_type": lambda known: f"is {known.kind}, neither true nor false: write true or false without quotes",
    "dict_type": _mapping_wanted,
    "enum": _choice,
    "finite_number": lambda _: "is not finite: write an ordinary number",
    "float_type": _number_wanted,
    "int_type": _whole_number_wanted,
    "literal_error": _choice,
    "mapping_type": _mapping_wanted,
    "missing": lambda known: f"is missing: add it ({known.meaning})" if known.meaning else "is missing: add it",
    "model_type": _mapping_wanted,
    "rule": lambda known: known.context["sentence"],
    "string_type": _text_wanted,
    "tuple_type": lambda known: f'is {known.kind}, not a list: write each entry on a line of its own that starts with "- "',
    "value_error": lambda known: str(known.context["error"]),
    **dict(
        _limits(
            greater_than=limits.ABOVE.format("{gt}"),
            greater_than_equal=limits.LEAST.format("{ge}"),
            less_than=limits.BELOW.format("{lt}"),
            less_than_equal=limits.MOST.format("{le}"),
            string_too_long="is too long: write at most {max_length} characters",
            string_too_short="is too short: write at least {min_length} character(s)",
            too_long="has {actual_length} entries: write at most {max_length}",
            too_short="has {actual_length} entries: write at least {min_length}",
        )
    ),
}
