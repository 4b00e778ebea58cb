"""The newest snapshot of a DualRun's books, where they lie in a folder of this machine: its coordinator says nothing of them.

The layout is the coordinator's (`tandem_reasoning.coordinator.keeping.shelf`): `<uid>/manifests/<term>-<number>.json`, newest last by name.
"""

import json
import os
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from tandem_objects import ObjectError, open_store

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.status import CheckpointStatus
from tandem_operator.local.state.run_folder import DualFolder

_HERE = "file://"


def newest(run: DualRun, folder: DualFolder) -> CheckpointStatus | None:
    """It, with the number of its answered questions; None before the first, and where they are sent elsewhere: a look must not wait."""
    uri = run.spec.checkpoint.uri or f"{_HERE}{folder.path / 'checkpoints'}"
    if not uri.startswith(_HERE):
        return None
    store = open_store(uri, os.environ)
    try:
        keys = [entry.key for entry in store.list(f"{quote(run.metadata.uid, safe='')}/manifests/")]
        if not keys:
            return None
        told = cast("dict[str, Any]", json.loads(store.get(max(keys))))
        return CheckpointStatus(step=told["answered"], uri=store.address(max(keys)), at=datetime.fromtimestamp(told["at"], UTC))
    except (ObjectError, ValueError, KeyError, TypeError):
        return None  # tidied away in this moment, or damaged: whoever restores it says so
