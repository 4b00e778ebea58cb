"""What an API server does with an object of ours, in small: unknown fields, defaults, schema, named lists, rules.

The order is the server's: rules are asked only of objects that fit their schema. That the CRDs themselves are accepted by
a real one is shown where there is one.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any

from tests.operator.api.cel import kept

_PYTHON = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}


class ApiServer:
    """Holds one CRD's schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def refusals(self, given: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
        """Why `given` is not kept; empty when it is."""
        value = self.defaulted(given)
        misfits = list(_misfits(self.schema, value, ""))
        return misfits or list(self._broken(self.schema, value, self.defaulted(old) if old else None, ""))

    def defaulted(self, given: dict[str, Any]) -> dict[str, Any]:
        """The object as it would be kept."""
        value = copy.deepcopy(given)
        _fill(self.schema, value)
        return value

    def _broken(self, schema: dict[str, Any], value: Any, old: Any, path: str) -> Iterator[str]:
        for rule in schema.get("x-kubernetes-validations", ()):
            if "oldSelf" in rule["rule"] and old is None:
                continue
            if not kept(rule["rule"], self=value, oldSelf=old):
                yield f"{path}: {rule['message']}"
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from self._broken(inner, value[name], old.get(name) if old else None, f"{path}.{name}")
        if schema["type"] == "array":
            key = schema.get("x-kubernetes-list-map-keys", [None])[0]
            earlier = {entry[key]: entry for entry in old or ()} if key else {}
            for entry in value:
                yield from self._broken(schema["items"], entry, earlier.get(entry[key]) if key else None, f"{path}[]")


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


def _misfits(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, _PYTHON[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        yield f"{path}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str):
        yield from _text_misfits(schema, value, path)
    elif isinstance(value, dict):
        yield from _object_misfits(schema, value, path)
    elif isinstance(value, list):
        yield from _list_misfits(schema, value, path)
    elif not isinstance(value, bool):
        yield from _number_misfits(schema, value, path)


def _text_misfits(schema: dict[str, Any], value: str, path: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{path}: {len(value)} characters"
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield f"{path}: {value!r} does not match"


def _number_misfits(schema: dict[str, Any], value: float, path: str) -> Iterator[str]:
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    if value < low or value > high:
        yield f"{path}: {value} is out of bounds"
    if (schema.get("exclusiveMinimum") and value == low) or (schema.get("exclusiveMaximum") and value == high):
        yield f"{path}: {value} is a bound itself"


def _object_misfits(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}.{name}: missing" for name in schema.get("required", ()) if name not in value)
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{path}: too many"
    for name, inner in value.items():
        if name in schema.get("properties", {}):
            yield from _misfits(schema["properties"][name], inner, f"{path}.{name}")
        elif "additionalProperties" in schema:
            yield from _misfits(schema["additionalProperties"], inner, f"{path}.{name}")
        elif path and path != ".metadata":
            yield f"{path}.{name}: unknown"


def _list_misfits(schema: dict[str, Any], value: list[Any], path: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{path}: {len(value)} entries"
    for entry in value:
        yield from _misfits(schema["items"], entry, f"{path}[]")
    for key in schema.get("x-kubernetes-list-map-keys", ()):
        names = [repr(entry.get(key)) for entry in value if isinstance(entry, dict)]
        if len(set(names)) < len(names):
            yield f"{path}: duplicate {key}"
