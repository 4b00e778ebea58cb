"""What every object of a run has in common: a name, labels to find it by, and the run as its owner."""

from collections.abc import Mapping
from typing import Any

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun

Manifest = dict[str, Any]
"""An object of Kubernetes, or a part of one, as JSON has it."""

MANAGED_BY, OURS = "app.kubernetes.io/managed-by", "tandem"
"""The label that everything has that the operator makes, and its value."""
SELECTOR = f"{MANAGED_BY}={OURS}"
"""The label selector of all that."""

RUN = "tandem.dev/run"
DUAL_RUN = "tandem.dev/dual-run"
"""Another label than that of a TrainingRun, which may have the same name: the Services and budgets of one select no pods of the other."""
RUN_UID = "tandem.dev/run-uid"
ATTEMPT = "tandem.dev/attempt"
RANK = "tandem.dev/rank"
SPARE = "tandem.dev/spare"
SAVE_AFTER = "tandem.dev/save-after-step"
"""Annotation of the leading worker: a checkpoint of a step later than this one is asked for. It reads it as a file."""
SAVE_ASKED_AT = "tandem.dev/save-asked-at"
"""Annotation of the leading worker: since when."""
ROLE = "tandem.dev/role"
INDEX = "tandem.dev/index"
START = "tandem.dev/start"
_OURS = "tandem.dev/"


def metadata(
    run: TrainingRun | DualRun, name: str, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> Manifest:
    """The metadata of an object of `run`; what is deleted with the run names it as its owner."""
    return {
        "name": name,
        "namespace": run.metadata.namespace,
        "labels": {**(labels or {}), MANAGED_BY: OURS, (DUAL_RUN if run.kind == "DualRun" else RUN): run.name},
        **({"annotations": dict(annotations)} if annotations else {}),
        **({"ownerReferences": [_owner(run)]} if run.metadata.uid else {}),
    }


def added(theirs: Mapping[str, str]) -> Mapping[str, str]:
    """What a run adds of its own to a pod's labels or annotations: none of our kind, by which pods are told apart and spoken to."""
    return {name: text for name, text in theirs.items() if not name.startswith(_OURS)}


def _owner(run: TrainingRun | DualRun) -> Manifest:
    return {
        "apiVersion": run.api_version,
        "kind": run.kind,
        "name": run.name,
        "uid": run.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,  # to set it takes a right on the run's finalizers, which the operator does without
    }
