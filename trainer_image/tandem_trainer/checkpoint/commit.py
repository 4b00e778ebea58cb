"""The moment a checkpoint comes to exist: all parts are there, nobody newer has taken over, and its manifest is written."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime

from tandem_objects import Store

from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.claim import ensure_in_force
from tandem_trainer.checkpoint.errors import CheckpointError, Mismatch, during
from tandem_trainer.checkpoint.manifest import Chunk, Manifest, Moment, Part, Stretch, Tensor, decode_part, encode_manifest

_FIRST_WAIT_S = 0.02
_LONGEST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A checkpoint that exists. `bytes` is the state it holds, `uri` the address of its manifest."""

    step: int
    key: str
    uri: str
    bytes: int
    at: datetime


def commit(
    store: Store,
    own: Part,
    *,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Committed:
    """Make a checkpoint of all parts of a step; called by rank 0's agent, with the part of rank 0.

    Raises:
        Fenced: when a newer attempt has claimed the place.
        Mismatch: when the parts do not hold every number of every tensor once.
        CheckpointError: when parts are missing at the deadline (not retryable), or the store fails.
    """
    with during(f"step {own.step} could not be committed"):
        found = _await_parts(store, own, timeout_s, clock, sleep)
        manifest = merged(own, _read(store, found))
        ensure_in_force(store, own.claim)
        _write_once(store, manifest)
    return Committed(step=own.step, key=manifest.key, uri=store.address(manifest.key), bytes=manifest.bytes, at=manifest.at)


def merged(own: Part, parts: Sequence[Part]) -> Manifest:
    """The manifest of a step's parts. Pure.

    Raises:
        Mismatch: when a number of a tensor is held twice or not at all, or ranks disagree about a tensor.
    """
    tensors: dict[str, Tensor] = {}
    saved: dict[str, Chunk] = {}
    for part in parts:
        saved.update(part.chunks)
        for name, tensor in part.tensors.items():
            tensors[name] = _joined(name, tensors.get(name, tensor), tensor) if name in tensors else tensor
    return Manifest(
        **{each.name: getattr(own, each.name) for each in fields(Moment)},
        tensors={name: _complete(name, tensor) for name, tensor in tensors.items()},
        chunks=saved,
    )


def _joined(name: str, one: Tensor, other: Tensor) -> Tensor:
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        told = f"{list(one.shape)} {one.dtype} and {list(other.shape)} {other.dtype}"
        msg = f"tensor {name!r}: ranks disagree about it: {told}"
        raise Mismatch(msg)
    return Tensor(shape=one.shape, dtype=one.dtype, slices=one.slices + other.slices)


def _complete(name: str, tensor: Tensor) -> Tensor:
    ordered = tuple(sorted(tensor.slices, key=lambda stretch: stretch.start))
    end = 0
    for stretch in (*ordered, Stretch(start=math.prod(tensor.shape), count=1, chunk="", offset=0)):
        if stretch.start != end:
            fault = "are in no rank's slices" if stretch.start > end else "are in the slices of two ranks"
            low, high = sorted((stretch.start, end))
            msg = f"tensor {name!r}: numbers {low} to {high - 1} {fault}; each number is saved by one rank"
            raise Mismatch(msg)
        end = stretch.start + stretch.count
    return Tensor(shape=tensor.shape, dtype=tensor.dtype, slices=ordered)


def _await_parts(store: Store, own: Part, timeout_s: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> list[str]:
    wanted = [keys.part(own.save, rank) for rank in range(own.world_size)]
    deadline = clock() + timeout_s
    wait_s = _FIRST_WAIT_S
    while missing := set(wanted) - {info.key for info in store.list(keys.parts(own.save))}:
        left_s = deadline - clock()
        if left_s <= 0:
            ranks = _ranges(rank for rank, key in enumerate(wanted) if key in missing)
            msg = f"step {own.step} was not committed: no part of {ranks} came within {timeout_s:g} s"
            raise CheckpointError(msg)
        sleep(min(wait_s, left_s))
        wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)
    return wanted


def _read(store: Store, part_keys: Iterable[str]) -> list[Part]:
    with ThreadPoolExecutor(8, thread_name_prefix="commit") as pool:
        return list(pool.map(lambda key: decode_part(key, store.get(key)), part_keys))


def _write_once(store: Store, manifest: Manifest) -> None:
    body = encode_manifest(manifest)
    if not store.put_if_absent(manifest.key, body) and store.get(manifest.key) != body:
        msg = f"{manifest.key}: step {manifest.step} was saved before under this claim, with other contents"
        raise CheckpointError(msg)


def _ranges(ranks: Iterable[int]) -> str:
    names = [str(rank) for rank in ranks]
    return f"rank{'s' if len(names) > 1 else ''} {', '.join(names[:8])}{' and others' if len(names) > 8 else ''}"  # noqa: PLR2004 - one line
