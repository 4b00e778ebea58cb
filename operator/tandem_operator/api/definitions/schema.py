"""A pydantic model as a structural schema, the dialect of OpenAPI v3 that Kubernetes takes.

The rules are those of https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/:
every node has one type; no references, titles, unions or `additionalProperties` beside `properties`. Limits of numbers are rules, which
say what to write instead. `null` is no value: a field that may be None is one that may be left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import BaseModel

from tandem_operator.api import limits
from tandem_operator.api.shape import VALIDATIONS

from .cel_rules import LISTS_BY_NAME, written_rules

Schema = dict[str, Any]

_COPIED: Final = ("enum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "maxProperties")
_EITHER: Final = "x-kubernetes-int-or-string"
_FORMATS: Final = {"integer": "int64", "number": "double"}


def structural(model: type[BaseModel], *, defaults: bool) -> Schema:
    """The schema of a model. Defaults are for what people write; what Tandem writes is there or it is not, reckoned fields included."""
    written = model.model_json_schema(by_alias=True, mode="validation" if defaults else "serialization")
    definitions = {**written.get("$defs", {}), model.__name__: written}
    return _Structure(definitions=definitions, defaults=defaults).node({"$ref": f"#/$defs/{model.__name__}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Structure:
    definitions: Mapping[str, Schema]
    defaults: bool

    def node(self, written: Schema, name: str = "") -> Schema:
        """The structural schema of one value; `name` is that of its field."""
        flat = self._flat(written)
        node: Schema = {"description": " ".join(flat["description"].split())} if "description" in flat else {}
        if flat.get(_EITHER):
            return node | {key: flat[key] for key in ("anyOf", _EITHER, "maxLength", VALIDATIONS)}
        node["type"] = flat["type"]
        if flat["type"] in _FORMATS or "format" in flat:
            node["format"] = flat.get("format", _FORMATS.get(flat["type"]))
        node |= self._default(flat)
        node |= {key: flat[key] for key in _COPIED if key in flat and not (key == "pattern" and VALIDATIONS in flat)}
        node |= self._inside(flat, name)
        rules = flat.get(VALIDATIONS) or list(limits.rules(flat))  # a number that has a sentence of its own needs no other
        return node | ({VALIDATIONS: rules} if rules else {})

    def _flat(self, written: Schema) -> Schema:
        """A node with what it refers to put in its place; what stands beside the reference wins."""
        below: Schema = {}
        if "$ref" in written:
            name = written["$ref"].removeprefix("#/$defs/")
            below = {**self._flat({**self.definitions[name]}), VALIDATIONS: written_rules(name)}
        if written.get(_EITHER):
            return written
        for option in written.get("anyOf", ()):
            below |= {} if option == {"type": "null"} else self._flat(option)
        beside = {key: value for key, value in written.items() if key not in {"$ref", "anyOf"}}
        return below | beside | ({"enum": [written["const"]]} if "const" in written else {})

    def _default(self, flat: Schema) -> Schema:
        """Whole, because the server asks the rules of a default before it fills in the defaults of its fields."""
        default = _said(flat.get("default"))
        return {"default": default} if self.defaults and default not in (None, [], {}) else {}

    def _inside(self, flat: Schema, name: str) -> Schema:
        if flat["type"] == "array":
            key = LISTS_BY_NAME.get(name)
            by_name = (
                {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]} if key else {"x-kubernetes-list-type": "atomic"}
            )
            return {"items": self.node(flat["items"]), **by_name}
        if "properties" in flat:
            properties = {key: self.node(value, key) for key, value in flat["properties"].items()}
            required = [key for key in flat.get("required", ()) if not flat["properties"][key].get("readOnly")]
            return {"properties": properties, **({"required": required} if required else {})}
        if flat["type"] == "object" and isinstance(flat.get("additionalProperties"), dict):
            return {"additionalProperties": self.node(flat["additionalProperties"])}
        return {}


def _said(default: Any) -> Any:  # noqa: ANN401 - JSON
    """A default without what it leaves out."""
    if isinstance(default, dict):
        said = {key: _said(value) for key, value in cast("Schema", default).items()}
        return {key: value for key, value in said.items() if value not in (None, [], {})}
    return [_said(value) for value in cast("list[Any]", default)] if isinstance(default, list) else default
