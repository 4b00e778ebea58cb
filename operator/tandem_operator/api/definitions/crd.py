"""The CustomResourceDefinitions, and the schema for editors: both are made from the types, and nothing is written by hand.

Conventions of https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun

from .cel_rules import written_rules
from .schema import Schema, structural

GROUP: Final = "tandem.dev"
VERSION: Final = "v1alpha1"

Column = tuple[str, str, str, str, int]
"""Name, type, path, help, and priority: 0 is always shown, in 120 characters for names of up to 20; 1 with `-o wide`."""

_PHASE: Final[Column] = ("Phase", "string", ".status.phase", "Where the run is in its life", 0)
_WHY: Final[Column] = ("Reason", "string", ".status.why", "What is to be corrected, what the run waits for, or why it is where it is", 0)
_PROGRESS: Final[Column] = ("Progress", "string", ".status.progress", "How much of the run is done", 0)
_SPEND: Final[Column] = ("Spend", "string", ".status.spent", "US dollars spent so far", 0)
_BUDGET: Final[Column] = ("Budget", "number", ".spec.budget.usd", "US dollars that the run may cost", 0)
_AGE: Final[Column] = ("Age", "date", ".metadata.creationTimestamp", "Time since the run was created", 0)
_SAVED: Final[Column] = ("Checkpoint", "date", ".status.checkpoint.at", "Time since the newest complete checkpoint was made", 0)
_MORE: Final[tuple[Column, ...]] = (
    ("Saved", "integer", ".status.checkpoint.step", "Step of the newest complete checkpoint; of a DualRun, questions answered by then", 1),
    ("Left", "integer", ".status.etaSeconds", "Seconds to the end, at the speed of late", 1),
    ("URI", "string", ".status.checkpoint.uri", "Where the newest complete checkpoint is", 1),
)
_TRAINING: Final[tuple[Column, ...]] = (
    _PHASE,
    _WHY,
    ("Step", "integer", ".status.step", "Optimizer steps done", 0),
    _PROGRESS,
    ("Loss", "number", ".status.loss", "Training loss of the last reported step", 0),
    _SAVED,
    _SPEND,
    _BUDGET,
    _AGE,
    ("Of", "integer", ".status.totalSteps", "Optimizer steps to be done", 1),
    ("Failures", "integer", ".status.failures", "Attempts that ended by a failure", 1),
    ("Preempted", "integer", ".status.preemptions", "Attempts that ended because their machines were taken away", 1),
    ("Lost", "integer", ".status.lostSteps", "Optimizer steps that had to be done again", 1),
    ("Attempt", "integer", ".status.attempt", "Number of the attempt that runs or ran last", 1),
    ("Workers", "integer", ".status.workers", "Workers of that attempt", 1),
    ("Resume", "number", ".status.timeToResumeSeconds", "Seconds from the last fall to the next step", 1),
    ("Tokens/s", "number", ".status.tokensPerSecond", "Tokens a second over all ranks", 1),
    *_MORE,
)
_DUAL: Final[tuple[Column, ...]] = (
    _PHASE,
    _WHY,
    ("Done", "integer", ".status.done", "Questions answered", 0),
    _PROGRESS,
    ("Agreement", "number", ".status.agreement", "Share of experts that gave the answer that was taken", 0),
    _SAVED,
    _SPEND,
    _BUDGET,
    _AGE,
    ("Attempts", "integer", ".status.attempt", "Number of the attempt that runs or ran last", 1),
    ("Of", "integer", ".status.total", "Questions to be answered", 1),
    ("Failed", "integer", ".status.failed", "Questions given up", 1),
    ("Memory", "string", ".status.memory.state", "Whether the shared memory is recalled from", 1),
    *_MORE,
)
_KINDS: Final[Mapping[type[BaseModel], tuple[str, tuple[Column, ...]]]] = {TrainingRun: ("tr", _TRAINING), DualRun: ("dr", _DUAL)}
_HEAD: Final = "# Generated from operator/tandem_operator/api by `tandem crds`. Do not edit.\n"


def crds() -> Mapping[str, str]:
    """The text of each CRD, by the name of its file."""
    return {f"{GROUP}_{_plural(kind)}.yaml": _HEAD + _yaml(_crd(kind)) for kind in _KINDS}


def json_schema() -> Schema:
    """One JSON Schema for all run files, for editors (`# yaml-language-server: $schema=`)."""
    references, definitions = models_json_schema([(kind, "validation") for kind in _KINDS], by_alias=True)
    training, dual = (references[kind, "validation"] for kind in _KINDS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tandem run file",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "if": {"properties": {"kind": {"const": "DualRun"}}},
        "then": dual,
        "else": training,
        **definitions,
    }


def _plural(kind: type[BaseModel]) -> str:
    return f"{kind.__name__.lower()}s"


def _crd(kind: type[BaseModel]) -> dict[str, Any]:
    short, columns = _KINDS[kind]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{_plural(kind)}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "tandem"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.__name__,
                "listKind": f"{kind.__name__}List",
                "plural": _plural(kind),
                "singular": kind.__name__.lower(),
                "shortNames": [short],
                "categories": ["tandem"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(column) for column in columns],
                    "schema": {"openAPIV3Schema": _root(kind)},
                }
            ],
        },
    }


def _root(kind: type[BaseModel]) -> Schema:
    """The whole object: the server keeps its own first three fields, so that only spec and status are described."""
    spec, status = (kind.model_fields[name].annotation for name in ("spec", "status"))
    assert isinstance(spec, type), spec
    assert isinstance(status, type), status
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(spec, defaults=True),
            "status": structural(status, defaults=False),
        },
        "x-kubernetes-validations": written_rules(kind.__name__),
    }


def _column(column: Column) -> dict[str, Any]:
    name, kind, path, told, priority = column
    return {"name": name, "type": kind, "jsonPath": path, "description": told, **({"priority": priority} if priority else {})}


def _yaml(value: dict[str, Any]) -> str:
    import yaml

    class Plain(yaml.SafeDumper):
        """Writes every value where it stands: what occurs twice is written twice."""

        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True

    return yaml.dump(value, Dumper=Plain, sort_keys=False, width=120, allow_unicode=True)
