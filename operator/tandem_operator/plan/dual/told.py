"""What a part of a DualRun is told when it starts, in short: where the run says something else by now, the part is started anew.

Digests leave out what is as usual, so that a newer planner, which knows more fields, asks for no other start of what runs.
"""

import hashlib
import json
from typing import Any, Final

from tandem_operator.api.dual_run import DualRun

from .values import Role, Slot

_OF_THE_PLANNER: Final = frozenset({"suspend", "workers", "no_progress_after", "ttl_seconds_after_finished"})
"""Wishes that no part is told of."""

_OF_THE_POD: Final = frozenset({"placement", "pod"})
_LENGTH: Final = 16  # hexadecimal digits, of which two that differ are equal once in 2^64


def told(slot: Slot, run: DualRun, credentials: str) -> str:
    """What the start of a part in `slot` is told; `credentials` tells what it and others know each other by from what they did before."""
    spec = run.spec.model_dump(mode="json", exclude_defaults=True)
    match slot.role:
        case Role.MEMORY:
            return ""  # its folder and its port are the machine's
        case Role.ENGINE:
            assert slot.engine is not None, slot.name
            said = {"lane": slot.lane, **slot.engine.model_dump(mode="json", exclude_defaults=True, exclude={"instances"})}
            return _digest(_only(spec, _OF_THE_POD), said, "")
        case Role.COORDINATOR:
            return _digest({name: value for name, value in spec.items() if name not in _OF_THE_PLANNER}, {}, credentials)
        case Role.WORKER:
            return _digest(_only(spec, _OF_THE_POD | {"lanes"}), {}, credentials)


def _only(spec: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name in names}


def _digest(*said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:_LENGTH]
