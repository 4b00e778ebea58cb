"""Rules over several fields: which field is wrong, why, and what to do about it.

A rule is a method of a model, marked `@rule`. It is asked after every field was read, and also when some fields were
refused: a refused field is then absent from the model, a rule that needs it has nothing to say, and all others still
speak, so that people are told of every mistake at once. The API server enforces the same rules in CEL: see `cel_rules.py`.

An `@entry_rule` is asked only of what somebody hands in. What is stored may have begun before there was such a rule: it is read without,
and cared for. A limit of a single field may be asked so as well (`entering`). The API server, too, lets stay what an edit does not touch
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

_Rule = TypeVar("_Rule", bound=Callable[[Any], "Iterator[Broken]"])

REFUSED: Final = object()
"""Stands where a value was refused, when a document is read again for what else is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a document is read: whether somebody hands it in, and whether parts of it were refused before."""

    entering: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken rule: the field to name, seen from the model (empty: the model itself), its value, and a sentence."""

    field: tuple[str | int, ...]
    value: object
    sentence: str


def entering(context: object) -> bool:
    """Whether what pydantic reads with this context is handed in."""
    return isinstance(context, Reading) and context.entering


def rule(method: _Rule) -> _Rule:
    """Marks a method that yields what is broken."""
    method.__dict__["is_rule"] = True
    return method


def entry_rule(method: _Rule) -> _Rule:
    """Marks a method that yields what is broken in what somebody hands in."""
    method.__dict__["is_entry_rule"] = True
    return rule(method)


@cache
def rules_of(model: type) -> Mapping[str, Callable[[Any], Iterator[Broken]]]:
    """The rules of a model, by the names of their methods."""
    members = {name: member for kind in reversed(model.__mro__) for name, member in vars(kind).items()}
    return {name: member for name, member in members.items() if getattr(member, "is_rule", False)}


def broken_rules(model: object, reading: Reading) -> list[Broken]:
    """What is broken in a model; in one from which refused fields are absent, what can be told without them."""
    problems: list[Broken] = []
    for asked in rules_of(type(model)).values():
        if reading.entering or not getattr(asked, "is_entry_rule", False):
            try:
                problems.extend(asked(model))
            except AttributeError:  # the rule needs a field that was refused, and the person has been told about that one
                if not reading.refused:
                    raise
    return problems
