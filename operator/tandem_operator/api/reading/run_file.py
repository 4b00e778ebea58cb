"""What people hand in, as a run: a text or an object becomes a TrainingRun or a DualRun, or every reason why not, at once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeGuard, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tandem_operator.api.rule import REFUSED, Reading
from tandem_operator.api.training_run import API_VERSION, TrainingRun

from .document import Document, Path
from .sentences import instead, sentence

if TYPE_CHECKING:
    from tandem_operator.api.dual_run import DualRun

_KINDS: Final = ("TrainingRun", "DualRun")
_MOST_PASSES: Final = 16
_R = TypeVar("_R", bound=BaseModel)
Extra = Literal["ignore"]  # what becomes of unknown fields where they are not refused


class SpecError(Exception):
    """A run that cannot be accepted; `problems` has one line for each thing to correct."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read(text: str | bytes) -> "TrainingRun | DualRun":
    """The run that a YAML or JSON text describes.

    Raises:
        SpecError: with every problem, in the order of the text.
    """
    from . import yaml_text

    return _run(yaml_text.read(text))


def from_object(value: Mapping[str, Any]) -> "TrainingRun | DualRun":
    """The run that an object describes. One that a server keeps already has a uid, and is read without entry rules: it may have begun.

    Raises:
        SpecError: with every problem.
    """
    metadata = value.get("metadata")
    return _run(Document(value=value), entering=not (_mapping(metadata) and metadata.get("uid")))


def as_far_as_known(value: Mapping[str, Any], kind: type[_R]) -> _R | None:
    """The run of a kind that a server's object describes, without fields that only a newer release knows; None where that is not enough."""
    try:
        run = _run(Document(value=value), entering=False, extra="ignore")
    except SpecError:
        return None
    return run if isinstance(run, kind) else None


def refused_at_entry(run: "TrainingRun | DualRun") -> tuple[str, ...]:
    """What would be said of a run that is kept already if somebody handed it in today."""
    told = run.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"status": True, "metadata": {"uid"}})
    try:
        from_object(told)
    except SpecError as error:
        return error.problems
    return ()


def _run(read: Document, *, entering: bool = True, extra: Extra | None = None) -> "TrainingRun | DualRun":
    problems = [(read.lines.get(path, 1), said) for path, said in read.problems]
    if not _mapping(read.value):
        if not problems:
            problems.append((1, f"the file holds no mapping: start it with apiVersion: {API_VERSION}"))
        raise SpecError(tuple(said for _, said in problems))
    value: dict[str, Any] = _copy(read.value)
    problems += [_placed((name,), said, read) for name, said in _header(value).items()]
    model = _model(value.get("kind"))
    reading = Reading(entering=entering, refused=bool(problems))
    run, errors = _validated(model, value, reading, extra) if model else (None, [])
    problems += [_placed(error["loc"], sentence(error, model), read) for error in errors if model]
    if run is None or problems:
        raise SpecError(tuple(said for _, said in sorted(problems, key=lambda placed: placed[0])))
    return run


def _model(kind: object) -> "type[TrainingRun | DualRun] | None":
    if kind == "DualRun":
        from tandem_operator.api.dual_run import DualRun

        return DualRun
    return None if kind is not None and kind != "TrainingRun" else TrainingRun


def _header(value: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the two lines that say what the rest is."""
    said: dict[str, str] = {}
    if value.get("apiVersion") is None:
        said["apiVersion"] = f"apiVersion: is missing: add apiVersion: {API_VERSION}"
    if value.get("kind") is None:
        said["kind"] = "kind: is missing: add kind: TrainingRun"
    elif value["kind"] not in _KINDS:
        said["kind"] = f'kind: "{str(value["kind"])[:60]}" is not known here: {instead(str(value["kind"]), _KINDS)}'
    return said


def _placed(path: Path, said: str, read: Document) -> tuple[int, str]:
    """A problem with the line of the nearest thing that is written there."""
    for end in range(len(path), -1, -1):
        if line := read.lines.get(path[:end]):
            return line, f"{said} (line {line})" if end else said
    return 0, said


def _validated(model: type[BaseModel], value: dict[str, Any], reading: Reading, extra: Extra | None) -> tuple[Any, list[ErrorDetails]]:
    """The run, or all that is wrong with it.

    Rules over several fields can only be asked when the fields were read. So what was refused is marked as such, and the
    rest is read again, until nothing new is found.
    """
    found: list[ErrorDetails] = []
    for _ in range(_MOST_PASSES):
        run, errors = _read(model, value, replace(reading, refused=reading.refused or bool(found)), extra)
        if not errors:
            return (None if found else run), found
        found += [error for error in errors if error["input"] is not REFUSED]
        for error in errors:
            _refuse(value, error["loc"], drop=error["type"] == "extra_forbidden")
    return None, found


def _read(
    model: type[BaseModel], value: dict[str, Any], context: Reading, extra: Extra | None
) -> tuple[BaseModel | None, list[ErrorDetails]]:
    try:
        return model.model_validate(value, by_alias=True, by_name=False, context=context, extra=extra), []
    except ValidationError as error:
        return None, [refusal for refusal in error.errors(include_url=False) if not _miscounted(refusal)]


def _miscounted(refusal: ErrorDetails) -> bool:
    """Pydantic counts the entries that it accepted: a list of refused ones is not short."""
    return refusal["type"] == "too_short" and len(refusal["input"]) >= refusal.get("ctx", {})["min_length"]


def _refuse(value: Any, path: Path, *, drop: bool) -> None:  # noqa: ANN401 - a parsed document is of any type
    """Marks what stands at `path` as refused; what holds it, when it cannot be marked or was marked before."""
    if not path:
        return
    holder = value
    try:
        for part in path[:-1]:
            holder = holder[part]
        if drop:
            del holder[path[-1]]
        elif path[-1] in holder and holder[path[-1]] is REFUSED:
            _refuse(value, path[:-1], drop=False)
        else:
            holder[path[-1]] = REFUSED
    except (KeyError, IndexError, TypeError):
        _refuse(value, path[:-1], drop=False)


def _copy(value: object) -> Any:  # noqa: ANN401 - a parsed document is of any type
    if _mapping(value):
        return {key: _copy(held) for key, held in value.items()}
    return [_copy(held) for held in cast("list[object]", value)] if isinstance(value, list | tuple) else value


def _mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)
