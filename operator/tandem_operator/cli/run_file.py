"""A run file as people hand it in: read, checked, its relative paths made absolute, its name replaced if they ask."""

import re
import sys
from pathlib import Path

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import LaneSpec
from tandem_operator.api.reading.run_file import SpecError, from_object, read
from tandem_operator.api.training_run import DataSpec, PhaseSpec, TrainerSpec, TrainingRun
from tandem_operator.plan import experts

from .exits import Exit, leave

_HUB_ID = re.compile(r"(\w[\w.-]*/)?\w[\w.:-]*")
_BUILT_IN = {"source": ("python-stdlib",), "tokenizer": ("bytes",)}


def told_run(path: str, name: str | None = None, *, elsewhere: bool = False) -> TrainingRun | DualRun:
    """The run in a file; `-` is standard input. One that is to run `elsewhere` keeps its paths: they are those of its image.

    Raises:
        Leave: with a line for each thing to correct.
    """
    try:
        text = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        leave(Exit.BAD_INPUT, f"{path}: {error.strerror}: give the path of a run file, such as manifests/examples/quickstart.yaml")
    try:
        run = read(text)
        run = _renamed(run, name) if name is not None else run
    except SpecError as error:
        leave(Exit.BAD_INPUT, *(f"{path}: {problem}" for problem in error.problems))
    folder = Path.cwd() if path == "-" else Path(path).resolve().parent
    if elsewhere:
        return run
    return _pair(run, folder, path) if isinstance(run, DualRun) else _located(_possible(run, path), folder)


def _renamed(run: TrainingRun | DualRun, name: str) -> TrainingRun | DualRun:
    """The same run under another name, checked as if it stood in the file."""
    told = run.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"status"})
    return from_object({**told, "metadata": {**told["metadata"], "name": name}})


def _possible(run: TrainingRun, path: str) -> TrainingRun:
    """A run whose experts, if it has any, can be had."""
    if problems := tuple(experts.problems(run, in_pods=False)):
        leave(Exit.BAD_INPUT, *(f"{path}: {problem}" for problem in problems))
    return run


def _pair(run: DualRun, folder: Path, path: str) -> DualRun:
    """The questions must be there; a model may be a folder or file beside the run file, else it is one of the hub's."""
    asked, spec = run.spec.questions, run.spec
    if "://" not in asked.source:
        source = folder / asked.source
        if not source.is_file():
            leave(Exit.BAD_INPUT, f"{path}: spec.questions.source: there is no file {source}: correct the path")
        asked = asked.model_copy(update={"source": str(source)})
    lanes = tuple(_lane(lane, folder, f"{path}: spec.lanes[{index}]") for index, lane in enumerate(spec.lanes))
    return run.model_copy(update={"spec": spec.model_copy(update={"questions": asked, "lanes": lanes})})


def _lane(lane: LaneSpec, folder: Path, where: str) -> LaneSpec:
    if lane.engine is None:
        return lane
    model = folder / lane.engine.model
    if model.exists():
        return lane.model_copy(update={"engine": lane.engine.model_copy(update={"model": str(model)})})
    if model.suffix == ".gguf" or not _elsewhere(lane.engine.model, folder):  # its server would fall again and again over it
        leave(Exit.BAD_INPUT, f"{where}.engine.model: there is no file or folder {model}: correct the path")
    return lane


def _elsewhere(model: str, folder: Path) -> bool:
    """Whether it may be an id of the hub's, or an address: no path, and not in a folder that is there."""
    owner = model.rpartition("/")[0]
    return "://" in model or (bool(_HUB_ID.fullmatch(model)) and not (owner and (folder / owner).is_dir()))


def _located(run: TrainingRun, folder: Path) -> TrainingRun:
    """Paths in a run file are relative to that file; workers run elsewhere."""
    spec = run.spec
    phases = tuple(_phase(phase, folder) for phase in spec.phases)
    found = {"trainer": _trainer(spec.trainer, folder), "data": _data(spec.data, folder), "phases": phases}
    return run.model_copy(update={"spec": spec.model_copy(update=found)})


def _trainer(trainer: TrainerSpec, folder: Path) -> TrainerSpec:
    script, deepspeed = trainer.script, trainer.deepspeed
    if script is not None:
        script = script.model_copy(update={"path": str(folder / script.path)})
    if deepspeed is not None and deepspeed.model.pretrained is not None:
        model = deepspeed.model.model_copy(update={"pretrained": str(folder / deepspeed.model.pretrained)})
        deepspeed = deepspeed.model_copy(update={"model": model})
    return trainer.model_copy(update={"script": script, "deepspeed": deepspeed})


def _phase(phase: PhaseSpec, folder: Path) -> PhaseSpec:
    return phase.model_copy(update={"data": _data(phase.data, folder)}) if phase.data else phase


def _data(data: DataSpec, folder: Path) -> DataSpec:
    found = {
        field: str(folder / value)
        for field, built_in in _BUILT_IN.items()
        if (value := getattr(data, field)) not in built_in and "://" not in value
    }
    return data.model_copy(update=found)
