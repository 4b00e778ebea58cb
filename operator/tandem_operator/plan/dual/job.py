"""What a coordinator is told of its run, as JSON; read back by `tandem_reasoning.coordinator.job.Job`.

It holds no secret: only the name of the variable, or of the file, in which a worker finds a key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import LaneSpec, PriceSpec
from tandem_operator.plan.policies import deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How workers reach a lane: the addresses of its servers, and where its key is kept, if it wants one."""

    urls: tuple[str, ...]
    key_variable: str = ""
    key_file: str = ""


def job(run: DualRun, lanes: Mapping[str, Reached]) -> str:
    """The job of `run`; `lanes` says by name how each lane is reached, since only the shell knows where its engines listen."""
    spec = run.spec
    told: dict[str, Any] = {
        "runUid": run.metadata.uid,
        "name": run.name,
        "lanes": [_lane(lane, lanes[lane.name]) for lane in spec.lanes],
        "experts": [{"name": expert.name, "role": expert.role} for expert in spec.experts],
        "thinking": {"maxSteps": spec.max_steps, **spec.thinking.model_dump(mode="json", by_alias=True)},
        "routing": spec.routing.model_dump(mode="json", by_alias=True),
        "onExhausted": spec.budget.on_exhausted.value,
        "hedge": spec.hedge,
        "tries": spec.tries,
        "leaseSeconds": spec.lease_seconds,
    }
    if spec.memory is not None:
        told["memory"] = {"topK": spec.memory.top_k, "holdOut": spec.memory.hold_out}
    if (ends_at := deadline.moment(run)) is not None:
        told["endsAt"] = ends_at.isoformat()
    if spec.budget.usd is not None:
        told["budgetUsd"] = f"{spec.budget.usd:f}"
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)  # roles in other scripts would grow threefold


def model_of(lane: LaneSpec) -> str:
    """What its server calls the model: an engine, by what it was started with."""
    model = lane.engine.model if lane.engine else lane.model
    assert model, "a rule of LaneSpec"
    return model


def _lane(lane: LaneSpec, reached: Reached) -> dict[str, Any]:
    price = lane.price or PriceSpec()
    told: dict[str, Any] = {
        "name": lane.name,
        "kind": lane.kind.value,
        "urls": list(reached.urls),
        "model": model_of(lane),
        "keyVariable": reached.key_variable,
        "keyFile": reached.key_file,
        "usdPerMillionInputTokens": f"{price.usd_per_million_input_tokens:f}",
        "usdPerMillionOutputTokens": f"{price.usd_per_million_output_tokens:f}",
        "usdPerHour": f"{price.usd_per_hour:f}",
        **lane.limits.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    return told
