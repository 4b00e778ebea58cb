"""What may not change in a run that has begun: whatever its checkpoints, or the order of its data, depend on.

The API server holds the same by the `oldSelf` rules of `cel_rules.py`.
"""

from tandem_operator.api.training_run import TrainingRun, TrainingRunSpec

from .run_file import SpecError


def check_change(old: TrainingRun, new: TrainingRun) -> None:
    """Nothing, when `new` may take the place of `old`.

    Raises:
        SpecError: with a line for each field that may not change.
    """
    problems = [*_trainer(old.spec, new.spec), *_uri(old.spec, new.spec), *_seeds(old.spec, new.spec)]
    if problems:
        raise SpecError(tuple(f"{problem}; start a run of another name" for problem in problems))


def _trainer(old: TrainingRunSpec, new: TrainingRunSpec) -> list[str]:
    if old.trainer.kind == new.trainer.kind:
        return []
    return [f"spec.trainer: {old.trainer.kind} cannot become {new.trainer.kind}: its checkpoints could not be read: keep it"]


def _uri(old: TrainingRunSpec, new: TrainingRunSpec) -> list[str]:
    was, becomes = old.checkpoint.uri, new.checkpoint.uri
    if was == becomes:
        return []
    return [f"spec.checkpoint.uri: {_named(was)} cannot become {_named(becomes)}: earlier checkpoints would not be found: keep it"]


def _named(uri: str | None) -> str:
    return f'"{uri}"' if uri else "the run's own folder"


def _seeds(old: TrainingRunSpec, new: TrainingRunSpec) -> list[str]:
    """Of the run, and of each phase that is in both by its name."""
    earlier = {phase.name: phase.data for phase in old.phases}
    pairs = [("spec.data.seed", old.data, new.data)]
    pairs += [(f"spec.phases[{index}].data.seed", earlier.get(phase.name), phase.data) for index, phase in enumerate(new.phases)]
    return [
        f"{path}: {was.seed} cannot become {becomes.seed}: the order of samples would be another: keep it"
        for path, was, becomes in pairs
        if was and becomes and was.seed != becomes.seed
    ]
