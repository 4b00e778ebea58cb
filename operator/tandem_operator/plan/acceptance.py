"""Can this cluster run what somebody asks for? Only what the definition of a TrainingRun cannot say by itself.

Pods come and go, so what has to be found again must not be kept in one: checkpoints stand in an object store or on a claim, and
nothing is named relative to a run file that no pod has. A run that cannot be accepted starts nothing and is not tried again
until somebody edits it; what lives of it already is let be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tandem_operator.api.status import Condition, RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun

from . import conditions
from .phases import Reason
from .values import Event, EventKind

_FILE = "file://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a cluster offers to runs that do not say: where checkpoints are kept, and which image workers are made of."""

    checkpoint_uri: str | None = None
    trainer_image: str | None = None


def problems(run: TrainingRun, place: Place) -> tuple[str, ...]:
    """Why `run` cannot run at `place`: a line for each thing to correct, with field, value and fix."""
    return (*_image(run, place), *_checkpoint(run, place), *_script(run), *_data(run))


def refused(status: RunStatus, problems: tuple[str, ...], *, generation: int, now: datetime) -> RunStatus:
    """The status of a run that cannot be accepted, also of one that could not even be read.

    A run that waits to start waits for an edit. One that is further keeps its phase: its workers go on by what they were told.
    """
    message = "; ".join(problems)
    said = conditions.Said(kind=conditions.ACCEPTED, true=False, reason=Reason.NOT_ACCEPTED, message=message)
    stated = conditions.stated(said, status, generation, now)
    rest = tuple(condition for condition in status.conditions if condition.type != conditions.ACCEPTED)
    found: dict[str, object] = {"observed_generation": generation, "conditions": (stated, *rest)}
    if status.phase is RunPhase.PENDING:
        found |= {"reason": Reason.NOT_ACCEPTED.value, "message": message}
    return status.model_copy(update=found)


def told(before: RunStatus, after: RunStatus) -> tuple[Event, ...]:
    """The event of a refusal: once, and again when there is something else to correct."""
    known, found = _accepted(before), _accepted(after)
    if found is None or found.status == "True" or (known and (known.status, known.message) == (found.status, found.message)):
        return ()
    return (Event(kind=EventKind.WARNING, reason=Reason.NOT_ACCEPTED, message=found.message),)


def _accepted(status: RunStatus) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type == conditions.ACCEPTED), None)


def _image(run: TrainingRun, place: Place) -> Iterator[str]:
    if not run.spec.image and not place.trainer_image:
        yield "spec.image: is missing: name one, since this cluster has no trainer image of its own"


def _checkpoint(run: TrainingRun, place: Place) -> Iterator[str]:
    """Checkpoints have to outlive the pods that write them."""
    uri = run.spec.checkpoint.uri or place.checkpoint_uri
    if uri is None:
        yield "spec.checkpoint.uri: is missing: write s3://bucket/prefix, or file:///folder on a claim of spec.pod.volumes"
    elif uri.startswith(_FILE) and not _kept(uri.removeprefix(_FILE), run):
        yield f'spec.checkpoint.uri: "{uri}" goes with its pod: write s3://bucket/prefix, or mount a claim there with spec.pod.volumes'


def _kept(folder: str, run: TrainingRun) -> bool:
    """Whether a folder is on a claim that workers may write to; of nested mounts it is the innermost that holds it."""
    holding = [volume for volume in run.spec.pod.volumes if f"{folder}/".startswith(f"{volume.mount_path.rstrip('/')}/")]
    inner = max(holding, key=lambda volume: len(volume.mount_path.rstrip("/")), default=None)
    return inner is not None and inner.claim is not None and not inner.read_only


def _script(run: TrainingRun) -> Iterator[str]:
    script = run.spec.trainer.script
    if script and not script.path.startswith("/"):
        yield f'spec.trainer.script.path: "{script.path}" is relative: write the absolute path of the file in the image or on a volume'


def _data(run: TrainingRun) -> Iterator[str]:
    """Data comes with the image or on a volume; pods have no folder of ours to start from."""
    phases = ((f"spec.phases[{index}].data", phase.data) for index, phase in enumerate(run.spec.phases))
    for field, data in (("spec.data", run.spec.data), *phases):
        if data and data.source != "python-stdlib" and not data.source.startswith(("/", f"{_FILE}/")):
            yield f'{field}.source: "{data.source}" is relative: write python-stdlib, or an absolute path in the image or on a volume'
        if data and data.tokenizer != "bytes" and not data.tokenizer.startswith("/"):
            yield f'{field}.tokenizer: "{data.tokenizer}" is relative: write bytes, or the absolute path of a tokenizer.json'
