"""What changed between two specs of a run, and what may not change: what its checkpoints and the order of its data rest on.

Where checkpoints are kept may be written until the first attempt, since a run that lacks it is told to; and after that, where it
only says what is so. The sizes of a model may change until then too, and its tokenizer and seed: nothing is learned yet, and a run that
is refused for its sizes or its tokenizer is told to take others.

The API server holds the same by the `oldSelf` rules of `cel_rules.py`. What counts for a phase is its own data, or the
run's where it has none.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from tandem_operator.api.dual_run import DualRun, DualRunSpec
from tandem_operator.api.model import ApiModel
from tandem_operator.api.phase import DataSpec
from tandem_operator.api.trainer import ExpertsSpec, TrainerSpec
from tandem_operator.api.training_run import INSTEAD, TrainingRun, TrainingRunSpec
from tandem_operator.api.upkeep import MANIFESTS

from .run_file import SpecError


def check_change(old: TrainingRun | DualRun, new: TrainingRun | DualRun) -> None:
    """Nothing, when `new` may take the place of `old`.

    Raises:
        SpecError: with a line for each field that may not change.
    """
    problems = _of_dual(old, new) if isinstance(old, DualRun) else _of_training(old, new)
    if problems:
        raise SpecError(tuple(f"{problem}; start a run of another name" for problem in problems))


def changes(old: TrainingRunSpec | DualRunSpec, new: TrainingRunSpec | DualRunSpec) -> tuple[str, ...]:
    """Each field whose value differs, with both values, as people write them; `suspend` is a wish, not a change."""
    was, becomes = (spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"suspend"}) for spec in (old, new))
    return tuple(_differences("", was, becomes))


def _differences(path: str, was: object, becomes: object) -> Iterator[str]:
    if was == becomes:
        return
    if isinstance(was, Mapping) and isinstance(becomes, Mapping):
        before, after = cast("Mapping[str, object]", was), cast("Mapping[str, object]", becomes)
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(f"{path}.{name}" if path else name, before.get(name), after.get(name))
    elif isinstance(was, list) and isinstance(becomes, list):
        earlier, later = cast("Sequence[object]", was), cast("Sequence[object]", becomes)
        for index in range(max(len(earlier), len(later))):
            yield from _differences(f"{path}[{index}]", *(part[index] if index < len(part) else None for part in (earlier, later)))
    else:
        yield f"{path} {_in_short(cast('object', was))} -> {_in_short(becomes)}"


def _in_short(value: object) -> str:
    """A value for a line: what has parts of its own goes by its name, if it has one."""
    if isinstance(value, Mapping):
        return str(cast("Mapping[str, object]", value).get("name", "{...}"))
    return "none" if value is None else str(value)


def _of_training(old: TrainingRun, new: TrainingRun | DualRun) -> list[str]:
    if isinstance(new, DualRun):
        return [f"kind: TrainingRun {old.name} cannot become a DualRun"]
    begun = old.status.attempt
    rules = (_trainer, *([_model, _data] if begun else []))
    return [*(problem for rule in rules for problem in rule(old.spec, new.spec)), *_uri(old, new)]


def _of_dual(old: DualRun, new: TrainingRun | DualRun) -> list[str]:
    if isinstance(new, TrainingRun):
        return [f"kind: DualRun {old.name} cannot become a TrainingRun"]
    pairs = (
        ("spec.questions.source", old.spec.questions.source, new.spec.questions.source, "answers belong to its questions"),
        ("spec.checkpoint.uri", old.spec.checkpoint.uri, new.spec.checkpoint.uri, "earlier snapshots would not be found"),
    )
    return [f"{field}: {_named(was)} cannot become {_named(now)}: {why}: keep it" for field, was, now, why in pairs if was != now]


def _trainer(old: TrainingRunSpec, new: TrainingRunSpec) -> list[str]:
    if old.trainer.kind == new.trainer.kind:
        return []
    return [f"spec.trainer: {old.trainer.kind} cannot become {new.trainer.kind}: its checkpoints could not be read: keep it"]


def _model(old: TrainingRunSpec, new: TrainingRunSpec) -> Iterator[str]:
    """What was learned, by where it is written."""
    before, after = _learned(old.trainer), _learned(new.trainer)
    for path, (was, why) in before.items():
        becomes, _ = after.get(path, (was, why))
        if was != becomes:
            yield f"spec.trainer.{path}: {_sizes(was, becomes)} cannot become {_sizes(becomes, was)}: {why}: keep it"


def _learned(trainer: TrainerSpec) -> Mapping[str, tuple[Mapping[str, object], str]]:
    """Fields that say of which form it is, and what would come of another."""
    unread = "its checkpoints could not be read"
    found = {"deepspeed.model": (_told(trainer.deepspeed.model), unread)} if trainer.deepspeed else {}
    return found if trainer.experts is None else {**found, **_of_experts(trainer.experts, unread)}


def _of_experts(experts: ExpertsSpec, unread: str) -> Mapping[str, tuple[Mapping[str, object], str]]:
    form = {name: value for name, value in _told(experts.mixture).items() if name in {"count", "active", "innerWidth", "learningRule"}}
    return {"experts.model": (_told(experts.model), unread), "experts.mixture": (form, "what its experts have learned would not fit")}


def _told(model: ApiModel) -> Mapping[str, object]:
    return model.model_dump(mode="json", by_alias=True)


def _sizes(told: Mapping[str, object], others: Mapping[str, object]) -> str:
    """The fields in which a model differs from another, with its values."""
    return ", ".join(f"{name} {_in_short(value)}" for name, value in told.items() if value != others[name])


def _uri(old: TrainingRun, new: TrainingRun) -> list[str]:
    was, becomes, begun = old.spec.checkpoint.uri, new.spec.checkpoint.uri, old.status.checkpoint
    stays = becomes is not None and begun is not None and begun.uri.startswith(f"{becomes}{MANIFESTS}")
    if was == becomes or stays or not old.status.attempt:
        return []
    return [f"spec.checkpoint.uri: {_named(was)} cannot become {_named(becomes)}: earlier checkpoints would not be found: keep it"]


def _named(uri: str | None) -> str:
    return f'"{uri}"' if uri else "the run's own folder"


def _data(old: TrainingRunSpec, new: TrainingRunSpec) -> Iterator[str]:
    """Of the run, and of each phase that is in both by its name, as far as that has data of its own before or after."""
    yield from _same_samples("spec.data", old.data, new.data)
    earlier = {phase.name: phase for phase in old.phases}
    for index, phase in enumerate(new.phases):
        before = earlier.get(phase.name)
        if before and (before.data or phase.data):
            hint = "" if before.data else f" {INSTEAD}"
            for problem in _same_samples(f"spec.phases[{index}].data", before.data or old.data, phase.data or new.data):
                yield f"{problem}{hint}"


def _same_samples(path: str, was: DataSpec, becomes: DataSpec) -> Iterator[str]:
    if was.seed != becomes.seed:
        yield f"{path}.seed: {was.seed} cannot become {becomes.seed}: the order of samples would be another: keep it"
    if was.tokenizer != becomes.tokenizer:
        change = f'"{was.tokenizer}" cannot become "{becomes.tokenizer}"'
        yield f"{path}.tokenizer: {change}: the tokens that were learned would mean something else: keep it"
