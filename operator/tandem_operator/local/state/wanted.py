"""What is wanted of a run, and who may change it: a file that is run again, `stop`, `resume` and Ctrl-C.

A file is applied as `kubectl apply` does it: its text as last applied is kept in an annotation, so that what a command has
changed since (a larger budget) stays, and what the file changes is taken. Running a file always asks for it to run: a
suspension that the file does not name is lifted.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from tandem_operator.api.dual_run import DualRunSpec
from tandem_operator.api.reading.change import check_change
from tandem_operator.api.training_run import TrainingRunSpec

from .owner import alone
from .run_folder import Run, StateFolder, Status

Spec = TrainingRunSpec | DualRunSpec
LAST_APPLIED = "tandem.dev/last-applied"


def apply_file(folder: StateFolder[Run, Status], told: Run, now: datetime) -> Run:
    """Make what a file says wanted, creating the run if there is none; the run as it is wanted from now on.

    Raises:
        SpecError: when the file changes what the checkpoints of the run rest on.
        StateError: when the state of the run is damaged.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    with alone(folder.changing()):
        if not folder.exists:
            run = _created(told, now)
            folder.write_wanted(run)
            return run
        current = folder.wanted()
        return _written(folder, current, merged(folder.run(), told).spec, applied=told.spec)


def merged(current: Run, told: Run) -> Run:
    """The run as it would be wanted after `told` is applied: the file's word where the file has changed, else what is wanted now.

    Raises:
        SpecError: when the file changes what the checkpoints of the run rest on.
    """
    before: dict[str, object] = json.loads(current.metadata.annotations.get(LAST_APPLIED, "{}"))
    now, file = _told(current.spec), _told(told.spec)
    kept = {field: value for field, value in now.items() if before.get(field) == file.get(field)}
    changed = {field: value for field, value in file.items() if before.get(field) != value}
    spec = type(current.spec).model_validate({**kept, **changed, "suspend": told.spec.suspend})
    new = current.model_copy(update={"spec": spec})
    check_change(current, new)
    return new


def ask_stop(folder: StateFolder[Run, Status]) -> Run:
    """Suspend the run: checkpoint, then stop."""
    return _change(folder, lambda spec: spec | {"suspend": True})


def ask_resume(folder: StateFolder[Run, Status], budget_usd: Decimal | None) -> Run:
    """Lift a suspension, and set a new budget if one is given."""

    def changed(spec: Mapping[str, object]) -> Mapping[str, object]:
        spec = {**spec, "suspend": False}
        if budget_usd is None:
            return spec
        budget = cast("Mapping[str, object]", spec.get("budget", {}))
        return {**spec, "budget": {**budget, "usd": float(budget_usd)}}

    return _change(folder, changed)


def _change(folder: StateFolder[Run, Status], change: Callable[[dict[str, object]], Mapping[str, object]]) -> Run:
    with alone(folder.changing()):
        current = folder.wanted()
        spec = type(current.spec).model_validate(change(_told(current.spec)))
        return _written(folder, current, spec)


def _created(told: Run, now: datetime) -> Run:
    meta = told.metadata.model_copy(update={"uid": str(uuid.uuid4()), "generation": 1, "creation_timestamp": now})
    return _annotated(told.model_copy(update={"metadata": meta}), told.spec)


def _written(folder: StateFolder[Run, Status], current: Run, spec: Spec, *, applied: Spec | None = None) -> Run:
    run = current.model_copy(update={"spec": spec})
    if spec != current.spec:
        meta = current.metadata.model_copy(update={"generation": current.metadata.generation + 1})
        run = run.model_copy(update={"metadata": meta})
    if applied is not None:
        run = _annotated(run, applied)
    if run != current:
        folder.write_wanted(run)
    return run


def _annotated(run: Run, applied: Spec) -> Run:
    annotations = {**run.metadata.annotations, LAST_APPLIED: json.dumps(_told(applied), sort_keys=True)}
    return run.model_copy(update={"metadata": run.metadata.model_copy(update={"annotations": annotations})})


def _told(spec: Spec) -> dict[str, object]:
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True)
