"""The state of a ZeRO engine by name and place: which numbers of which tensor this rank holds.

ZeRO cuts flattened weights into equal parts without regard to where one ends and the next begins. DeepSpeed knows, for each
weight, which of its numbers lie in this rank's part (`_hp_mapping` in stages 1 and 2, a plain split in stage 3), and that is
all a checkpoint for any number of ranks and any stage needs: the fp32 masters and Adam's two moments, in slices. The bf16
weights are not saved, since they follow from the masters. Tied weights have one name and are held once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tandem_trainer.adamw import MOMENTS, AdamW
from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.deepspeed import engine as engines
from tandem_trainer.rank.world import World
from tandem_trainer.tensors import MASTER, bytes_of, dtype_name

STEPS = "adamw/step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Numbers `start` on of the flattened tensor `name`: a view into a partition, so what is written to it is in effect."""

    name: str
    shape: tuple[int, ...]
    start: int
    numbers: Tensor


class State:
    """What an engine must not forget."""

    def __init__(self, engine: Any, adamw: AdamW, world: World) -> None:  # noqa: ANN401  # DeepSpeed has no types
        self._adamw, self._world = adamw, world
        found = _split_evenly(engine, adamw, world.rank) if engines.shards_weights(engine) else _mapped(engine, adamw)
        self._fragments = tuple(found)
        self._in_host_memory: tuple[Tensor, ...] = ()
        self._steps = torch.zeros(1, dtype=torch.int64)

    def slices(self) -> Iterator[Slice]:
        """This rank's part of the state; rank 0 adds what all have in common."""
        for fragment, numbers in zip(self._fragments, self._host_copies(fresh=True), strict=True):
            yield _slice(fragment.name, fragment.shape, fragment.start, numbers)
        if self._world.rank == 0:
            self._steps[0] = self._steps_taken()
            yield _slice(STEPS, (1,), 0, self._steps)

    def restore(self, saved: Reader) -> None:
        """Take it back; `engine.refresh_weights` must follow before the next step.

        Raises:
            CheckpointError: when it cannot be read, or is the state of another model.
        """
        for each in self._fragments:
            saved.check(each.name, each.shape, dtype_name(each.numbers.dtype))
        copies = self._host_copies(fresh=False)
        wants = [Want(tensor=each.name, start=each.start, out=bytes_of(copy)) for each, copy in zip(self._fragments, copies, strict=True)]
        saved.fill([*wants, Want(tensor=STEPS, start=0, out=bytes_of(self._steps))])
        for fragment, copy in zip(self._fragments, copies, strict=True):
            if copy is not fragment.numbers:
                fragment.numbers.copy_(copy)
        for state in self._adamw.state.values():
            state["step"].fill_(float(self._steps[0]))

    def _steps_taken(self) -> int:
        return int(next(iter(self._adamw.state.values()))["step"])

    def _host_copies(self, *, fresh: bool) -> tuple[Tensor, ...]:
        """The fragments in host memory: themselves on a CPU; on a card pinned buffers, filled when `fresh`."""
        if all(each.numbers.device.type == "cpu" for each in self._fragments):
            return tuple(each.numbers for each in self._fragments)
        if not self._in_host_memory:
            self._in_host_memory = tuple(torch.empty(each.numbers.shape, pin_memory=True) for each in self._fragments)
        if fresh:
            for copy, fragment in zip(self._in_host_memory, self._fragments, strict=True):
                copy.copy_(fragment.numbers, non_blocking=True)
            torch.cuda.synchronize()
        return self._in_host_memory


def _mapped(engine: Any, adamw: AdamW) -> Iterator[Fragment]:  # noqa: ANN401
    """Stages 1 and 2: a weight may begin or end in the middle of this rank's partition."""
    for name, weight in engine.module.named_parameters():
        mapping = weight._hp_mapping  # noqa: SLF001  # set on each weight by DeepSpeed; there is no public name
        if mapping is None:  # no part of it is ours
            continue
        (flat,) = adamw.param_groups[mapping.param_group_index]["params"]
        held = mapping.hp_fragment_address
        for kind, partition in _kinds(adamw, flat):
            yield _fragment(name, weight.shape, kind, mapping.lp_fragment_address.start, partition.narrow(0, held.start, held.numel))


def _split_evenly(engine: Any, adamw: AdamW, rank: int) -> Iterator[Fragment]:  # noqa: ANN401
    """Stage 3: each weight is cut into equal parts by itself, and the last ones may be padding in part or in whole."""
    optimizer = engine.optimizer
    for name, weight in engine.module.named_parameters():
        size = weight.partition_numel()
        start, count = rank * size, min(size, weight.ds_numel - rank * size)
        group, offset, _ = optimizer.grad_position[optimizer.get_param_id(weight)]
        for kind, partition in _kinds(adamw, optimizer.fp32_partitioned_groups_flat[group]):
            if count > 0:
                yield _fragment(name, weight.ds_shape, kind, start, partition.narrow(0, offset, count))


def _kinds(adamw: AdamW, flat: nn.Parameter | Tensor) -> Iterator[tuple[str, Tensor]]:
    yield MASTER, flat.detach()
    for moment in MOMENTS:
        yield moment, adamw.state[flat][moment]


def _fragment(name: str, shape: Iterable[int], kind: str, start: int, numbers: Tensor) -> Fragment:
    return Fragment(name=f"{name}/{kind}", shape=tuple(shape), start=start, numbers=numbers)


def _slice(name: str, shape: tuple[int, ...], start: int, numbers: Tensor) -> Slice:
    return Slice(tensor=name, shape=shape, dtype=dtype_name(numbers.dtype), start=start, count=numbers.numel(), data=bytes_of(numbers))
