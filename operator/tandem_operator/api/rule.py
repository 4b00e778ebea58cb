"""Rules over several fields: which field is wrong, why, and what to do about it.

A rule is a method of a model, marked `@rule`. It is asked after every field was read, and also when some fields were
refused: a refused field is then absent from the model, a rule that needs it has nothing to say, and all others still
speak, so that people are told of every mistake at once. The API server enforces the same rules in CEL: see `cel_rules.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

_Rule = TypeVar("_Rule", bound=Callable[[Any], "Iterator[Broken]"])

REFUSED: Final = object()
"""Stands where a value was refused, when a document is read again for what else is wrong with it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken rule: the field to name, seen from the model (empty: the model itself), its value, and a sentence."""

    field: tuple[str | int, ...]
    value: object
    sentence: str


def rule(method: _Rule) -> _Rule:
    """Marks a method that yields what is broken."""
    method.__dict__["is_rule"] = True
    return method


@cache
def rules_of(model: type) -> Mapping[str, Callable[[Any], Iterator[Broken]]]:
    """The rules of a model, by the names of their methods."""
    members = {name: member for kind in reversed(model.__mro__) for name, member in vars(kind).items()}
    return {name: member for name, member in members.items() if getattr(member, "is_rule", False)}


def broken_rules(model: object) -> list[Broken]:
    """What is broken in a model whose fields are all there."""
    return [broken for asked in rules_of(type(model)).values() for broken in asked(model)]


def broken_rules_of_rest(model: object) -> list[Broken]:
    """What is broken in a model, or in models inside it, from which refused fields are absent."""
    problems: list[Broken] = []
    for asked in rules_of(type(model)).values():
        try:
            problems.extend(asked(model))
        except AttributeError:  # the rule needs a field that was refused, and the person has been told about that one
            continue
    return problems
