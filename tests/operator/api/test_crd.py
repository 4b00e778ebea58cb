"""The committed CRDs are those that the types make, and an API server can take them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.api.definitions.crd import crds, json_schema
from tandem_operator.api.reading.run_file import from_object, read
from tandem_operator.api.reading.yaml_text import read as read_document
from tandem_operator.api.status import RunStatus

from tests.operator.api.api_server import ApiServer

KINDS = ("TrainingRun", "DualRun")
EXAMPLES = sorted((Path(__file__).parents[3] / "manifests/examples").glob("*.yaml"))


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of a schema, with where it stands."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


def test_the_committed_files_are_fresh(root: Path) -> None:
    """Generating again gives the committed text to the letter, and no file is left over."""
    folder = root / "charts/tandem/crds"
    assert {path.name: path.read_text() for path in folder.glob("*.yaml")} == dict(crds()), "run: uv run tandem crds"


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_structural(schemas: Mapping[str, dict[str, Any]], kind: str) -> None:
    """The rules of the Kubernetes documentation: one type a node, no unions or references, known keys only.

    Limits of numbers are none of them: they would be said without what to write instead.
    """
    known = {
        "description",
        "type",
        "format",
        "default",
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "maxProperties",
    }
    known |= {"properties", "required", "items", "additionalProperties"}
    known |= {"x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations"}
    either = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
    for path, node in nodes(schemas[kind]):
        if "x-kubernetes-int-or-string" in node:
            assert either.items() <= node.items(), path
            assert set(node) - set(either) <= known - {"type"}, path
            continue
        assert set(node) <= known, path
        assert node["type"] in {"object", "array", "string", "integer", "number", "boolean"}, path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert ("items" in node) == (node["type"] == "array"), path
        assert set(node.get("required", ())) <= set(node.get("properties", ())), path
        if keys := node.get("x-kubernetes-list-map-keys"):
            assert node["x-kubernetes-list-type"] == "map", path
            assert set(keys) <= set(node["items"]["required"]), path


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_help(schemas: Mapping[str, dict[str, Any]], kind: str) -> None:
    """`kubectl explain` has a sentence for each field."""
    for path, node in nodes(schemas[kind]):
        if path.startswith((".spec", ".status")) and not path.endswith("[]"):
            assert len(node.get("description", "")) > 5, path


@pytest.mark.parametrize("kind", KINDS)
def test_rules_are_bounded_and_said_in_a_sentence(schemas: Mapping[str, dict[str, Any]], kind: str) -> None:
    """What rules walk over has a largest size, which the server's cost estimate needs; messages are one line."""
    for path, node in nodes(schemas[kind]):
        rules = node.get("x-kubernetes-validations", ())
        assert all(rule["message"] and "\n" not in rule["message"] for rule in rules), path
        assert all(_leads(node, rule["fieldPath"]) for rule in rules if "fieldPath" in rule), path
        if path.startswith(".spec"):
            assert node.get("type") != "array" or "maxItems" in node, path
            assert node.get("type", "string") != "string" or {"maxLength", "enum"} & set(node), path
            assert "pattern" not in node, f"{path}: people would be shown a regular expression"


def _leads(node: dict[str, Any], path: str) -> bool:
    """Whether there is a field at a path such as `.spec.workers`."""
    for name in path[1:].split("."):
        node = node.get("properties", {}).get(name, {})
    return bool(node)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_point_at_fields_of_their_type(root: Path, schemas: Mapping[str, dict[str, Any]], kind: str) -> None:
    """`kubectl get` shows what is there: each column's path exists and has the column's type."""
    crd = yaml.safe_load((root / f"charts/tandem/crds/tandem.dev_{kind.lower()}s.yaml").read_text())
    assert crd["spec"]["scope"] == "Namespaced"
    (version,) = crd["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    types = {path: node.get("type") for path, node in nodes(schemas[kind])}
    for column in version["additionalPrinterColumns"]:
        path = re.sub(r"\[\?[^]]*\]", "[]", column["jsonPath"])  # one of a list, chosen by a field of it
        assert column["type"] == "date" or types[path] == column["type"], column
    assert {"Phase", "Spend", "Age"} <= {column["name"] for column in version["additionalPrinterColumns"]}


def test_status_fits_its_schema(training_runs: ApiServer) -> None:
    """The status of a run that was just begun is accepted as it is written."""
    status = RunStatus().model_dump(mode="json", by_alias=True, exclude_none=True)
    run = {
        "metadata": {"name": "a"},
        "spec": {"trainer": {"script": {"path": "x"}}, "phases": [{"name": "a", "steps": 1}]},
        "status": status,
    }
    assert training_runs.refusals(run) == []
    assert training_runs.defaulted({"spec": run["spec"], "status": {}})["status"] == {}


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_examples_are_runs_here_and_there(training_runs: ApiServer, dual_runs: ApiServer, path: Path) -> None:
    """Each example is read, is accepted by the API server, and means the same to both after defaults."""
    written = read_document(path.read_bytes()).value
    assert isinstance(written, dict)
    server = dual_runs if written["kind"] == "DualRun" else training_runs
    assert server.refusals(written) == []
    run = read(path.read_bytes())
    assert run.name == path.stem
    assert read(yaml.safe_dump(server.defaulted(written))) == run
    assert from_object(run.model_dump(mode="json", by_alias=True)) == run


def test_there_are_examples() -> None:
    """The quickstart, the user's own program, and the run on spot machines."""
    assert {"quickstart.yaml", "script.yaml", "spot-7b.yaml"} <= {path.name for path in EXAMPLES}


def test_editors_get_one_schema_for_both_kinds() -> None:
    """The kind decides which of the two a file is compared with; every reference leads somewhere."""
    schema = json_schema()
    assert schema["then"]["$ref"].removeprefix("#/$defs/") in schema["$defs"]
    assert schema["else"]["$ref"].removeprefix("#/$defs/") in schema["$defs"]
    assert schema["$defs"]["TrainingRunSpec"]["additionalProperties"] is False
