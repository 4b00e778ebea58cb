"""State that every rank holds whole, such as a model and an optimizer under data parallelism: who saves what, and how it comes back.

Each rank saves its share of every large tensor, so that no byte is uploaded twice; small ones are rank 0's. What is not a
tensor (param groups, counters) travels as JSON in the manifest. Random number generators are a rank's own.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch

from tandem_trainer.checkpoint.errors import Mismatch
from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal
from tandem_trainer.tensors import bytes_of, dtype_name, dtype_of

_WORTH_SHARING = 4096  # numbers; below that, a share each costs more in bookkeeping than it saves in bytes


class Stateful(Protocol):
    """Anything with torch's two verbs: modules, optimizers, schedulers, scalers."""

    def state_dict(self) -> dict[str, Any]:
        """All state, as tensors and plain values."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:  # noqa: ANN401  # torch's own verbs return what they like
        """Take it back."""
        ...


class Replicated:
    """The state of a script, by name."""

    def __init__(self, state: Mapping[str, Stateful], world: World) -> None:
        self._state, self._world = state, world

    def slices(self) -> Iterator[Slice]:
        """This rank's share of every tensor."""
        for name, tensor in self._tensors():
            first, last = self._share(tensor.numel())
            if first < last:
                yield _slice(name, tensor, first, last)
        for name, generator in self._generators().items():
            state = generator.get_state()
            yield _slice(name, state, 0, state.numel())

    def outline(self) -> dict[str, Any]:
        """All that is no tensor, as JSON, with a note where each tensor goes.

        Raises:
            Refusal: when something cannot be written down so that it comes back as it was.
        """
        names = Counter(name for name, _ in self._tensors())
        if twice := next((name for name, times in names.items() if times > 1), None):
            message = f"state at {twice} is there twice: keys on the way there must differ as texts too"
            raise Refusal(message)
        return {name: _outline(name, each.state_dict()) for name, each in self._state.items()}

    def restore(self, saved: Reader) -> None:
        """Take everything back.

        Raises:
            CheckpointError: when it cannot be read, or is the state of something else.
        """
        for name, tensor in self._tensors():
            saved.check(name, tuple(tensor.shape), dtype_name(tensor.dtype))
        outline: Any = saved.manifest.extra["state"]
        tensors = saved.tensors()
        generators = self._generators()
        wanted = [name for name in tensors if not name.startswith("generator/") or name in generators]
        filled = {name: torch.empty(tensors[name].shape, dtype=dtype_of(tensors[name].dtype)) for name in wanted}
        saved.fill(Want(tensor=name, start=0, out=bytes_of(tensor)) for name, tensor in filled.items())
        for name, each in self._state.items():
            try:
                each.load_state_dict(_filled(outline[name], filled))
            except (KeyError, RuntimeError, ValueError) as error:
                reason = " ".join(str(error).split())
                message = f"{name} does not fit {saved.manifest.key} ({reason}): resume with what was saved, or set another checkpoint.uri"
                raise Mismatch(message) from error
        for name in generators.keys() & filled.keys():
            generators[name].set_state(filled[name])

    def _generators(self) -> dict[str, torch.Generator]:
        """Those that this rank draws from where nobody names one, such as for dropout."""
        generators, device = {f"generator/{self._world.rank}": torch.default_generator}, self._world.device
        if device.type == "cuda":
            generators[f"generator/{self._world.rank}/card"] = torch.cuda.default_generators[self._world.local_rank]
        return generators

    def _tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, each in self._state.items():
            yield from ((path, tensor) for path, tensor in _walk(name, each.state_dict()) if tensor.numel())

    def _share(self, count: int) -> tuple[int, int]:
        rank, size = self._world.rank, self._world.size
        if count < _WORTH_SHARING:
            return (0, count if rank == 0 else 0)
        return (count * rank // size, count * (rank + 1) // size)


def _slice(name: str, tensor: torch.Tensor, first: int, last: int) -> Slice:
    numbers = tensor.detach().cpu().contiguous().view(-1)[first:last]
    return Slice(
        tensor=name,
        shape=tuple(tensor.shape),
        dtype=dtype_name(tensor.dtype),
        start=first,
        count=last - first,
        data=bytes_of(numbers),
    )


def _walk(path: str, value: object) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _walk(f"{path}/{key}", each)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _walk(f"{path}/{index}", each)


def _outline(path: str, value: object) -> Any:  # noqa: ANN401  # JSON
    """JSON knows no tensors, tuples, infinities, nor keys that are numbers: each is written as a tagged object."""
    if isinstance(value, torch.Tensor):
        return {"tensor": path} if value.numel() else {"empty": list(value.shape), "dtype": dtype_name(value.dtype)}
    if isinstance(value, Mapping):
        return {"mapping": [[_key(path, key), _outline(f"{path}/{key}", each)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_outline(f"{path}/{index}", each) for index, each in enumerate(value)]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    message = f"state at {path} is a {type(value).__name__}: only tensors, numbers, texts, lists and mappings can be checkpointed"
    raise Refusal(message)


def _key(path: str, key: object) -> object:
    if key is None or isinstance(key, bool | int | float | str):
        return key
    message = f"key {key!r} at {path} is a {type(key).__name__}: only numbers and texts can be keys of what is checkpointed"
    raise Refusal(message)


def _filled(outline: Any, tensors: Mapping[str, torch.Tensor]) -> Any:  # noqa: ANN401  # JSON
    match outline:
        case {"tensor": name}:
            return tensors[name]
        case {"empty": shape, "dtype": dtype}:
            return torch.empty(shape, dtype=dtype_of(dtype))
        case {"number": text}:
            return float(text)
        case {"mapping": pairs}:
            return {key: _filled(each, tensors) for key, each in pairs}
        case {"list": items} | {"tuple": items}:
            kind = list if "list" in outline else tuple
            return kind(_filled(each, tensors) for each in items)
        case plain:
            return plain
