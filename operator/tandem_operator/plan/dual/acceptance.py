"""Can this cluster run a DualRun that somebody asks for? What its definition cannot say by itself, or did not say when it was made.

A run that cannot be accepted starts nothing until somebody edits it. What lives of it already goes on by what it was told, for as long
as questions are answered: parts that die meanwhile cannot be replaced, and once nobody answers, the others leave and the run rests.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.lane import EngineServer, LaneSpec
from tandem_operator.api.reading.run_file import refused_at_entry
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.acceptance import told, too_long
from tandem_operator.plan.conditions import ACCEPTED, Said, stated

from .dual_run import plan
from .job import Reached, job
from .phases import Reason
from .slots import engines_of
from .values import DualPlan, DualSeen

_MOST_BYTES: Final = 240 << 10  # an object of the API server has 256 KiB for annotations; a certificate may stand there too
_LONGEST_ADDRESS: Final = 160  # of an engine: names of its Service and its namespace have 63 characters at most
_IMAGES: Final = {EngineServer.LLAMA_CPP: "ghcr.io/ggml-org/llama.cpp:server", EngineServer.VLLM: "vllm/vllm-openai"}
"""Where servers are found that Tandem has no image of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a cluster offers: an image of the parts, a key that they know each other by, and a memory for runs that name none."""

    image: str | None = None
    keyed: bool = True
    memory: str | None = None


def problems(run: DualRun, place: Place) -> tuple[str, ...]:
    """Why `run` cannot run at `place`: a line for each thing to correct, with field, value and fix."""
    return (*(() if run.status.attempt else refused_at_entry(run)), *_problems(run, place))  # as of a TrainingRun


def _problems(run: DualRun, place: Place) -> Iterator[str]:
    whole = job(run, {lane.name: _reached(run, lane) for lane in run.spec.lanes})
    yield from too_long(whole, _MOST_BYTES, "spec.experts", "shorten roles, or name fewer experts")
    if not place.image or not place.keyed:
        yield "kind: DualRun: this operator has no image or no key for them: upgrade its chart, or set both"
    for index, lane in enumerate(run.spec.lanes):
        field = f"spec.lanes[{index}]"
        if lane.engine and not lane.engine.image and (known := _IMAGES.get(lane.engine.server)):
            yield f"{field}.engine.image: is missing: name one that has the server {lane.engine.server}, such as {known}"
        if lane.api_key_variable and not lane.api_key_secret:
            yield f'{field}.apiKeyVariable: "{lane.api_key_variable}" is a variable of one machine: name a Secret by apiKeySecret'
    if run.spec.memory and not run.spec.memory.address and not place.memory:
        yield "spec.memory.address: is missing: name a memory service, since this cluster has none (memory.enabled of the chart)"
    if (uri := run.spec.checkpoint.uri) and not uri.startswith("s3://"):
        yield f'spec.checkpoint.uri: "{uri}" goes with its pod: write s3://bucket/prefix'


def _reached(run: DualRun, lane: LaneSpec) -> Reached:
    """Addresses as long as they can be: where engines listen, only the shell knows."""
    return Reached(urls=lane.urls or ("-" * _LONGEST_ADDRESS,) * len(engines_of(run, lane.name)))


def refused(status: DualRunStatus, problems: tuple[str, ...], *, generation: int, now: datetime) -> DualRunStatus:
    """The status of a run that cannot be accepted, also of one that could not even be read."""
    message = "; ".join(problems)
    said = Said(kind=ACCEPTED, true=False, reason=Reason.NOT_ACCEPTED, message=message)
    after = _stating(said, status, generation, now).model_copy(update={"observed_generation": generation})
    if status.phase is RunPhase.PENDING:
        after = after.model_copy(update={"reason": Reason.NOT_ACCEPTED.value, "message": message})
    return after


def accepted(made: DualPlan, run: DualRun, now: datetime) -> DualPlan:
    """The plan of a run that is accepted."""
    said = Said(kind=ACCEPTED, true=True, reason=Reason.ACCEPTED)
    return replace(made, status=_stating(said, made.status, run.metadata.generation, now))


def held_back(run: DualRun, problems: tuple[str, ...], seen: DualSeen, now: datetime) -> DualPlan:
    """The plan for a run that has begun and is not accepted any more: all that ends, nothing that begins."""
    made = plan(run, replace(seen, accepted=False), now)
    status = refused(made.status, problems, generation=run.metadata.generation, now=now)
    return replace(made, status=status, events=(*made.events, *told(run.status, status)))


def _stating(said: Said, status: DualRunStatus, generation: int, now: datetime) -> DualRunStatus:
    rest = tuple(condition for condition in status.conditions if condition.type != ACCEPTED)
    return status.model_copy(update={"conditions": (stated(said, status, generation, now), *rest)})
