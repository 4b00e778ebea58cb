"""What an API server does with an object of ours, in small: unknown fields, defaults, schema, named lists, rules.

The order is the server's: rules are asked only of objects whose types fit their schema, though their numbers may be beyond its limits.
That the CRDs themselves are accepted by a real one, and that it says the same, is shown where there is one.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.operator.api.cel import CelError, evaluated, kept

_PYTHON = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}


class ApiServer:
    """Holds one CRD's schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def refusals(self, given: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
        """Why `given` is not kept; empty when it is."""
        value = self.defaulted(given)
        misfits = list(_misfits(self.schema, value, ""))
        if any(misfit.blocks for misfit in misfits):
            return [misfit.said for misfit in misfits]
        return [*(misfit.said for misfit in misfits), *self._broken(self.schema, value, self.defaulted(old) if old else None, "")]

    def defaulted(self, given: dict[str, Any]) -> dict[str, Any]:
        """The object as it would be kept."""
        value = copy.deepcopy(given)
        _fill(self.schema, value)
        return value

    def _broken(self, schema: dict[str, Any], value: Any, old: Any, path: str) -> Iterator[str]:
        for rule in schema.get("x-kubernetes-validations", ()):
            if "oldSelf" in rule["rule"] and old is None:
                continue
            if said := _said(rule, value, old):
                yield f"{path}{rule.get('fieldPath', '')}".removeprefix(".") + f": {said}"
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from self._broken(inner, value[name], old.get(name) if old else None, f"{path}.{name}")
        if schema.get("type") == "array":
            key = schema.get("x-kubernetes-list-map-keys", [None])[0]
            earlier = {entry[key]: entry for entry in old or ()} if key else {}
            for index, entry in enumerate(value):
                yield from self._broken(schema["items"], entry, earlier.get(entry[key]) if key else None, f"{path}[{index}]")


def _fill(schema: dict[str, Any], value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if "default" in inner:
                value.setdefault(name, copy.deepcopy(inner["default"]))
            if name in value:
                _fill(inner, value[name])
    elif isinstance(value, list):
        for entry in value:
            _fill(schema.get("items", {}), entry)


@dataclass(frozen=True, slots=True)
class _Misfit:
    """What does not fit its schema; whether rules are then not even asked (`hasBlockingErr` of apiextensions-apiserver)."""

    path: str
    what: str
    blocks: bool = False

    @property
    def said(self) -> str:
        return f"{self.path.removeprefix('.')}: {self.what}"


def _said(rule: dict[str, str], value: Any, old: Any) -> str:
    """What is said of a rule that is not kept: its own sentence with the values, where that is one line."""
    try:
        if kept(rule["rule"], self=value, oldSelf=old):
            return ""
    except CelError as error:
        return f"{error} evaluating rule: {rule['message']}"
    said = evaluated(rule["messageExpression"], self=value, oldSelf=old) if "messageExpression" in rule else ""
    return rule["message"] if "\n" in said else said or rule["message"]


def _misfits(schema: dict[str, Any], value: Any, path: str) -> Iterator[_Misfit]:
    if schema.get("x-kubernetes-int-or-string"):
        fits = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)
        if not fits:
            yield _Misfit(path, f"{value!r} is neither a whole number nor text", blocks=True)
        elif isinstance(value, str):
            yield from _text_misfits(schema, value, path)
        return
    if not isinstance(value, _PYTHON[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        yield _Misfit(path, f"{value!r} is no {schema['type']}", blocks=True)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield _Misfit(path, f"{value!r} is none of {schema['enum']}", blocks=True)
    if isinstance(value, str):
        yield from _text_misfits(schema, value, path)
    elif isinstance(value, dict):
        yield from _object_misfits(schema, value, path)
    elif isinstance(value, list):
        yield from _list_misfits(schema, value, path)
    elif not isinstance(value, bool):
        yield from _number_misfits(schema, value, path)


def _text_misfits(schema: dict[str, Any], value: str, path: str) -> Iterator[_Misfit]:
    if len(value) > schema.get("maxLength", len(value)):
        yield _Misfit(path, f"{len(value)} characters", blocks=True)
    if len(value) < schema.get("minLength", 0):
        yield _Misfit(path, f"{len(value)} characters")
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield _Misfit(path, f"{value!r} does not match")


def _number_misfits(schema: dict[str, Any], value: float, path: str) -> Iterator[_Misfit]:
    if isinstance(value, int) and schema["type"] == "integer" and abs(value) >= 2**63:
        yield _Misfit(path, f"{value} is no whole number of 64 bits", blocks=True)


def _object_misfits(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[_Misfit]:
    yield from (_Misfit(f"{path}.{name}", "missing", blocks=True) for name in schema.get("required", ()) if name not in value)
    if len(value) > schema.get("maxProperties", len(value)):
        yield _Misfit(path, "too many", blocks=True)
    for name, inner in value.items():
        if name in schema.get("properties", {}):
            yield from _misfits(schema["properties"][name], inner, f"{path}.{name}")
        elif "additionalProperties" in schema:
            yield from _misfits(schema["additionalProperties"], inner, f"{path}.{name}")
        elif path and path != ".metadata":
            yield _Misfit(f"{path}.{name}", "unknown")


def _list_misfits(schema: dict[str, Any], value: list[Any], path: str) -> Iterator[_Misfit]:
    if len(value) > schema.get("maxItems", len(value)):
        yield _Misfit(path, f"{len(value)} entries", blocks=True)
    if len(value) < schema.get("minItems", 0):
        yield _Misfit(path, f"{len(value)} entries")
    for index, entry in enumerate(value):
        yield from _misfits(schema["items"], entry, f"{path}[{index}]")
    for key in schema.get("x-kubernetes-list-map-keys", ()):
        names = [repr(entry.get(key)) for entry in value if isinstance(entry, dict)]
        if len(set(names)) < len(names):
            yield _Misfit(path, f"duplicate {key}", blocks=True)
