"""Can this cluster run what somebody asks for? What the definition of a TrainingRun cannot say by itself, or did not say when it was made.

Pods come and go, so what has to be found again must not be kept in one: checkpoints stand in an object store or on a claim, and
nothing is named relative to a run file that no pod has. A run that cannot be accepted starts nothing until somebody edits it. What
lives of it already is cared for as ever: it may not spend more, stay longer or hold up a drain because of an edit. Nor does it end for
anything but a wish or a fall: that another attempt would be better is no reason where none can follow.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.reading.run_file import refused_at_entry
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun

from . import conditions, events, experts, look
from .phases import UNDER_WAY, Reason
from .policies import first, wanted
from .training_run import plan
from .values import Event, Plan, Seen

_FILE = "file://"
_MOST_BYTES: Final = (128 << 10) - (4 << 10)
"""Linux starts no program with a string of more than 128 KiB (MAX_ARG_STRLEN), and a job is one; the place of checkpoints may join it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a cluster offers to runs that do not say: where checkpoints are kept, and which image workers are made of."""

    checkpoint_uri: str | None = None
    trainer_image: str | None = None


def problems(run: TrainingRun, place: Place) -> tuple[str, ...]:
    """Why `run` cannot run at `place`: a line for each thing to correct, with field, value and fix.

    What is refused at entry is no reason to hold back a run that has begun: it was let in before there was that rule.
    """
    at_entry = () if run.status.attempt else (*refused_at_entry(run), *experts.problems(run, in_pods=True))
    return (*at_entry, *_image(run, place), *_checkpoint(run, place), *_script(run), *_model(run), *_data(run), *_size(run))


def too_long(job: str, most: int, field: str, fix: str) -> Iterator[str]:
    """Why a pod cannot be told so much: with what grows in `field` the job has more than `most` bytes."""
    if (size := len(job.encode())) > most:
        yield f"{field}: with them a pod is told {size:,} bytes, and {most:,} fit: {fix}"


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


def held_back(run: TrainingRun, problems: tuple[str, ...], seen: Seen, now: datetime) -> Plan:
    """The plan for a run that has begun and is not accepted any more: all that ends, nothing that begins.

    A next attempt is not even named, since it would be one of the spec that cannot be: until an edit its ending goes on. Workers that
    wait to come up do so by the spec that was observed before, and once there is another that is accepted, they start anew by it.
    """
    seen = replace(seen, accepted=False)
    made = plan(run, seen, now)
    run = run.model_copy(update={"status": first.adopted(run, seen, now)})
    if made.status.attempt != run.status.attempt:
        made = _not_named(made, run, seen, now)
    known = (
        conditions.known(run.status, conditions.ACCEPTED),
        *(condition for condition in made.status.conditions if condition.type != conditions.ACCEPTED),
    )
    status = made.status.model_copy(update={"conditions": tuple(condition for condition in known if condition)})
    status = refused(status, problems, generation=run.metadata.generation, now=now)
    if status.attempt and status.phase is RunPhase.PENDING:
        status = status.model_copy(update={"observed_generation": run.status.observed_generation})
    return replace(made, status=status, start=(), can_wait=False, events=(*made.events, *told(run.status, status)))


def told(before: RunStatus | DualRunStatus, after: RunStatus | DualRunStatus) -> tuple[Event, ...]:
    """The event of a refusal: once, and again when there is something else to correct."""
    known, found = (conditions.known(status, conditions.ACCEPTED) for status in (before, after))
    if found is None or found.status == "True" or (known and (known.status, known.message) == (found.status, found.message)):
        return ()
    return (Event.warning(Reason.NOT_ACCEPTED, found.message),)


def _not_named(made: Plan, run: TrainingRun, seen: Seen, now: datetime) -> Plan:
    """The plan without its new attempt. What it knows of the last one is kept, and counted once another is named after all."""
    before, after = run.status, made.status
    kept: dict[str, object] = {name: getattr(after, name) for name in ("spent_usd", "lost_usd", "looked_at", "fell_at")}
    if before.phase in UNDER_WAY:
        kept |= {"phase": RunPhase.STOPPING, "reason": after.reason, "message": after.message}
    run = run.model_copy(update={"status": before.model_copy(update=kept)})
    status = run.status.model_copy(update={"conditions": conditions.conditions(run, seen, now)})
    run = run.model_copy(update={"status": status})
    again = look.next_moment(run, seen, look.next_that_counts(run, seen, now))
    return replace(made, status=status, events=events.told(before, run), look_again=again)


def _image(run: TrainingRun, place: Place) -> Iterator[str]:
    if not run.spec.image and not place.trainer_image:
        yield "spec.image: is missing: name one, since this cluster has no trainer image of its own"


def _checkpoint(run: TrainingRun, place: Place) -> Iterator[str]:
    """Checkpoints have to outlive the pods that write them."""
    begun = run.status.checkpoint.uri if run.status.checkpoint else None  # what a run has begun stays where it is
    uri = run.spec.checkpoint.uri or begun or place.checkpoint_uri
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


def _model(run: TrainingRun) -> Iterator[str]:
    trained = run.spec.trainer.deepspeed
    if trained and trained.model.pretrained and not trained.model.pretrained.startswith("/"):
        field = "spec.trainer.deepspeed.model.pretrained"
        yield f'{field}: "{trained.model.pretrained}" is relative: write the absolute path of the folder in the image or on a volume'


def _data(run: TrainingRun) -> Iterator[str]:
    """Data comes with the image or on a volume; pods have no folder of ours to start from."""
    phases = ((f"spec.phases[{index}].data", phase.data) for index, phase in enumerate(run.spec.phases))
    for field, data in (("spec.data", run.spec.data), *phases):
        if data and data.source != "python-stdlib" and not data.source.startswith(("/", f"{_FILE}/")):
            yield f'{field}.source: "{data.source}" is no absolute path: write python-stdlib, or one in the image or on a volume'
        if data and data.tokenizer != "bytes" and not data.tokenizer.startswith("/"):
            yield f'{field}.tokenizer: "{data.tokenizer}" is no absolute path: write bytes, or one of a tokenizer.json'


def _size(run: TrainingRun) -> Iterator[str]:
    """All that workers are told is one text; arguments or phases make it long, whichever has the most of it."""
    script, job = run.spec.trainer.script, wanted.job(run)
    if script and 2 * len(json.dumps(script.args)) > len(job):
        fix = "give it fewer or shorter ones, such as the name of a file that the script reads"
        return too_long(job, _MOST_BYTES, "spec.trainer.script.args", fix)
    return too_long(job, _MOST_BYTES, "spec.phases", "name fewer, or fewer patterns in data.include, which every phase repeats")
