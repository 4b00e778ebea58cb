"""A mixture read back from its newest checkpoint, to be asked and taught no more: all experts on the host, a few on the device."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from tandem_objects import Store

from tandem_trainer import disk, host_memory
from tandem_trainer.checkpoint.errors import Corrupted
from tandem_trainer.checkpoint.manifest import Manifest
from tandem_trainer.checkpoint.reader import Reader, Skipped, newest
from tandem_trainer.checkpoint.slices import Want
from tandem_trainer.data.tokens import Tokenizer, tokenizer
from tandem_trainer.device import memory_of
from tandem_trainer.experts import building, fitting
from tandem_trainer.experts.model import Mixture
from tandem_trainer.experts.moving.rows import Rows
from tandem_trainer.experts.sizes import NUMBER_BYTES, Room, Sizes
from tandem_trainer.experts.state import HANDICAPS, ROWS
from tandem_trainer.job import Memory, Run
from tandem_trainer.refusal import Refusal
from tandem_trainer.tensors import MASTER, bytes_of, dtype_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model that has learned.

    Attributes:
        mixture: The model.
        room: Places of its experts on the device.
        tokenizer: Its words.
        context: As many tokens as it has learned to read at once.
        manifest: The checkpoint that it was read from.
        passed_over: Newer ones that cannot be read, newest first.
    """

    mixture: Mixture
    room: Room
    tokenizer: Tokenizer
    context: int
    manifest: Manifest
    passed_over: tuple[Skipped, ...] = ()

    @property
    def device_bytes(self) -> int:
        """What it holds of the device between two words, by the formula."""
        return building.parts(self.mixture, self.room, tokens=0).asked_bytes


def read(run: Run, store: Store, device: torch.device) -> Trained:
    """The model of `run` as its newest readable checkpoint has it; of experts that have moments, the weights alone are read.

    Raises:
        Refusal: when the run trains no experts, there is no checkpoint, or neither host nor disk can hold them.
        CheckpointError: when the store does not answer, or holds another model.
    """
    if run.trainer.kind != "experts":
        message = f"{run.name}: has trainer {run.trainer.kind}, which keeps no experts: name a run with trainer experts"
        raise Refusal(message)
    words, kept = tokenizer(run.phases[-1].data.tokenizer), building.sizes(run)
    asked = replace(kept, moments=False)
    room = replace(building.room(run), kept=0)  # what is kept is there to be learned from
    _insist_on_room(asked, room, run.trainer.memory)
    fitting.insist_on_slots(asked, room, memory_of(device))
    mixture, rows = building.built(run, asked, room, words.special.vocabulary, device)
    manifest, passed_over = _filled(mixture, rows, kept, store)
    context = _learned(run, manifest.step)
    return Trained(mixture=mixture, room=room, tokenizer=words, context=context, manifest=manifest, passed_over=passed_over)


def _learned(run: Run, step: int) -> int:
    """The longest context of the phases that were begun: what lies beyond has never been read."""
    ends = list(itertools.accumulate(phase.steps for phase in run.phases))
    return max(phase.context_length for phase, end in zip(run.phases, ends, strict=True) if end - phase.steps < max(step, 1))


def _insist_on_room(sizes: Sizes, room: Room, told: Memory) -> None:
    """Where experts lie on a disk while they learn, they lie in the folder for what is temporary while they are asked."""
    needed, folder = sizes.rows_bytes, told.on_disk
    if folder is not None:
        free, is_memory = disk.space(folder).free, disk.is_memory(folder)
        if is_memory or needed > free:
            there = "is in memory, not on a disk" if is_memory else f"has {free:,} bytes free"
            message = f"{folder}: {there}, and {sizes.count:,} experts need {needed:,} bytes of disk: set TMPDIR to a folder on another"
            raise Refusal(message)
        fitting.insist_on_passing(sizes, room, host_memory.limit(None))
        return
    experts = f"{sizes.count:,} experts need {needed:,} bytes of host memory"
    fitting.insist(needed, host_memory.limit(None), "mixture.count", experts, "take a larger machine")


def _filled(mixture: Mixture, rows: Rows, kept: Sizes, store: Store) -> tuple[Manifest, tuple[Skipped, ...]]:
    """Fill all weights, from the newest checkpoint that is whole; that one, and those that were passed over."""
    damaged: list[Skipped] = []
    while (found := newest(store, skip=[each.key for each in damaged])).manifest is not None:
        try:
            _fill(mixture, rows, kept, Reader(store, found.manifest))
        except Corrupted as error:
            damaged.append(Skipped(key=found.manifest.key, reason=str(error)))
        else:
            return found.manifest, tuple(sorted((*damaged, *found.skipped), key=lambda each: each.key, reverse=True))
    why = "".join(f" ({each})" for each in (*damaged, *found.skipped)[:1])
    message = f"{store.uri}: holds no checkpoint that can be read{why}: train until the first is saved"
    raise Refusal(message)


def _fill(mixture: Mixture, rows: Rows, kept: Sizes, saved: Reader) -> None:
    named = {f"{name}/{MASTER}": weight.detach() for name, weight in mixture.shared.named_parameters()}
    named[HANDICAPS] = mixture.handicap_E
    for name, numbers in named.items():
        saved.check(name, tuple(numbers.shape), dtype_name(numbers.dtype))
    saved.check(ROWS, (kept.count, kept.row), "float32")
    on_host = {name: torch.empty_like(numbers, device="cpu") for name, numbers in named.items()}
    saved.fill(Want(tensor=name, start=0, out=bytes_of(numbers)) for name, numbers in on_host.items())
    for first, out in rows.refilled():
        saved.fill(_weights(first, out, kept))
    for name, numbers in named.items():
        numbers.copy_(on_host[name])


def _weights(first: int, out: memoryview, kept: Sizes) -> Iterator[Want]:
    """The weights that each row begins with, of as many experts as there is room for; moments behind them stay in the store."""
    asked = kept.weights * NUMBER_BYTES
    for number in range(len(out) // asked):
        yield Want(tensor=ROWS, start=(first + number) * kept.row, out=out[number * asked : (number + 1) * asked])
