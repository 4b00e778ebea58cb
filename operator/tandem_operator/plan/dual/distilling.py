"""One round of distillation as runs: the TrainingRun that teaches the local lane's model, and the DualRuns that judge what came of it.

All names follow from the run's and from what is taught, so that asking again goes on with what was begun.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tandem_operator.api.answering import RoutingPolicy, RoutingSpec
from tandem_operator.api.dual_run import DualBudgetSpec, DualRun, QuestionsSpec
from tandem_operator.api.lane import EngineServer, LaneKind, LaneSpec
from tandem_operator.api.model import RunMeta
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.training_run import API_VERSION, TrainingRun

_OF_NAME, _OF_DIGEST = 18, 8  # characters: with `-before-` between them less than the 40 that a name may have
_PASSES = 5
"""Over all prompts, in which each answer comes once for each expert and once alone. Of the words that the examples' pupil was never shown
it reversed 89 and 98 % after three passes, by the draw of what is rehearsed, and all after five; names were forgotten no more for it."""
_BATCH = 8  # sequences of a step
_SHORTEST, _LONGEST = 64, 8192  # tokens of a sequence
_WARMUP, _CHECKPOINTS = 10, 10  # parts of the run
_BYTES_PER_TOKEN = 3  # of English text: four, by tokenizers of 50,000 words; fewer by smaller ones
_RATE_TIMES_WIDTH = 0.128
"""The rate at which Adam learns best falls as the width rises (arXiv 2203.03466): 2e-3 for the examples' models of 64 numbers, which was
measured; 1.4e-4 for a width of 896, 3e-5 for 4,096, which are customary. Less is no way to forget less: half of it and,
in two passes, a quarter learned to reverse 71 and 26 % of words that were kept back, where all of it learned 95, and still lost 6 and 4
of 11 names, where all of it lost 8."""

_USUAL_WIDTH = 2048  # of models of one to three billion numbers


class UnteachableError(Exception):
    """The run's local model cannot be taught; one line that says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What is taught.

    Attributes:
        digest: SHA-256 of the rows, in hexadecimal.
        file: Where they are.
        text_bytes: Of all messages.
        longest_bytes: Of the messages of one row.
    """

    digest: str
    file: str
    text_bytes: int
    longest_bytes: int


def pupil(run: DualRun) -> LaneSpec:
    """The lane whose model is taught: the first local one.

    Raises:
        UnteachableError: when there is none, or nobody here has its weights.
    """
    place, lane = next(((place, lane) for place, lane in enumerate(run.spec.lanes) if lane.kind is LaneKind.LOCAL), (0, None))
    problem = "there is no lane of kind Local, so no model to teach" if lane is None else _problem(lane)
    if lane is None or problem:
        msg = f"{run.name}: spec.lanes[{place}]{problem}" if lane else f"{run.name}: {problem}"
        raise UnteachableError(msg)
    return lane


def named(run: DualRun, part: str, digest: str) -> str:
    """The name of a run that is part of a round."""
    return f"{run.name[:_OF_NAME].rstrip('-')}-{part}-{digest[:_OF_DIGEST]}"


def training(run: DualRun, lane: LaneSpec, lessons: Lessons, *, learning_rate: float) -> TrainingRun:
    """The run that teaches.

    Args:
        run: Whose model.
        lane: The one that `pupil` found.
        lessons: What is taught.
        learning_rate: The largest of the run.
    """
    assert lane.engine is not None
    context = _SHORTEST
    while context < min(lessons.longest_bytes, _LONGEST):  # no text has more tokens than bytes
        context *= 2
    steps = max(_CHECKPOINTS, -(-_PASSES * lessons.text_bytes // (_BYTES_PER_TOKEN * _BATCH * context)))
    phase = {
        "name": "lessons",
        "steps": steps,
        "contextLength": context,
        "batchSize": _BATCH,
        "learningRate": learning_rate,
        "warmupSteps": steps // _WARMUP,
    }
    model = {"pretrained": lane.engine.model}
    deepspeed = {"zeroStage": 1, "microBatchSize": _BATCH, "precision": "fp32", "model": model, "optimizer": {"weightDecay": 0.0}}
    spec = {
        "trainer": {"deepspeed": deepspeed},
        "data": {"source": lessons.file},
        "phases": [phase],
        "checkpoint": {"everySteps": max(1, steps // _CHECKPOINTS), "keepLast": 2},
    }
    made = from_object(_document("TrainingRun", named(run, "distil", lessons.digest), spec))
    assert isinstance(made, TrainingRun)
    return made


def rate(width: int | None) -> float:
    """The learning rate that suits a model which holds a token in so many numbers; None where that is not known."""
    return _RATE_TIMES_WIDTH / width if width else _RATE_TIMES_WIDTH / _USUAL_WIDTH


def canary(run: DualRun, lane: LaneSpec, source: str, *, name: str) -> DualRun:
    """The run in which one model answers what was kept back: as the lane does in `run`, alone, without a memory, for nothing.

    Args:
        run: Whose lane.
        lane: The lane, with the model that is judged.
        source: The questions that were kept back.
        name: Of the run.
    """
    kept = {
        "questions": QuestionsSpec(source=source),
        "lanes": (lane.model_copy(update={"price": None}),),
        "routing": RoutingSpec(policy=RoutingPolicy.LOCAL),
        "memory": None,
        "budget": DualBudgetSpec(),
        "suspend": False,
        "deadline": None,
    }
    return _anew(run, name, kept)


def habits(run: DualRun, lane: LaneSpec, source: str, *, name: str) -> DualRun:
    """The run in which the model as it is answers what nobody asked: as in a canary, but in one step, since no other is taught.

    Args:
        run: Whose lane.
        lane: The lane, with its own model.
        source: The questions.
        name: Of the run.
    """
    asked = canary(run, lane, source, name=name)
    return asked.model_copy(update={"spec": asked.spec.model_copy(update={"max_steps": 1})})


def promoted(run: DualRun, taught: LaneSpec, *, name: str) -> DualRun:
    """The run with the taught model in place of the lane's own."""
    lanes = tuple(taught if lane.name == taught.name else lane for lane in run.spec.lanes)
    return _anew(run, name, {"lanes": lanes, "suspend": False})


def with_model(lane: LaneSpec, model: str) -> LaneSpec:
    """The lane with another model."""
    assert lane.engine is not None
    return lane.model_copy(update={"engine": lane.engine.model_copy(update={"model": model})})


def _problem(lane: LaneSpec) -> str:
    """Why nobody here can teach the lane's model; empty when that can be done."""
    if lane.engine is None:
        return ": is reached by its address: give it an engine whose model is a folder, so that there are weights to teach"
    if lane.engine.server is EngineServer.LLAMA_CPP:
        return ".engine.server: LlamaCpp reads a .gguf file, which cannot be taught: use Transformers or Vllm, and a folder"
    if not lane.engine.model.startswith("/"):
        return f'.engine.model: "{lane.engine.model}" is no folder here: download the model, and name its folder'
    return ""


def _anew(run: DualRun, name: str, spec: Mapping[str, Any]) -> DualRun:
    """A run that has not begun; its snapshots are its own."""
    checkpoint = run.spec.checkpoint.model_copy(update={"uri": None})
    made = run.spec.model_copy(update={"checkpoint": checkpoint, **spec})
    return DualRun(metadata=RunMeta(name=name), spec=made)


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
