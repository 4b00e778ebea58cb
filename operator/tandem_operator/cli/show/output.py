"""The same values for programs: JSON or YAML of the types people write, as `kubectl get -o` would print them."""

import json
import sys
from collections.abc import Mapping, Sequence

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.model import ApiModel
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state.wanted import LAST_APPLIED

from .format import Format


def dump(value: Mapping[str, object] | Sequence[object], form: Format) -> None:
    """Print a value for programs."""
    if form is Format.JSON:
        print(json.dumps(value, indent=2))
        return
    import yaml

    yaml.safe_dump(value, sys.stdout, sort_keys=False, allow_unicode=True)


def told(model: ApiModel) -> dict[str, object]:
    """A value of the API as people write it."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def of_run(run: TrainingRun | DualRun) -> dict[str, object]:
    """A run, without what Tandem noted for itself."""
    annotations = {name: text for name, text in run.metadata.annotations.items() if name != LAST_APPLIED}
    return told(run.model_copy(update={"metadata": run.metadata.model_copy(update={"annotations": annotations})}))


def of_runs(runs: Sequence[TrainingRun | DualRun]) -> dict[str, object]:
    """Several runs, as Kubernetes lists things."""
    return {"apiVersion": "v1", "kind": "List", "items": [of_run(run) for run in runs]}
