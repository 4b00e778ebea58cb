"""A state in place of a model, saved and read by as many ranks as a test likes, through the real staging and a real store."""

import itertools
import math
import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from tandem_objects import Store, open_store
from tandem_trainer.checkpoint import chunks, reads
from tandem_trainer.checkpoint.commit import Committed, commit
from tandem_trainer.checkpoint.layout import item_bytes
from tandem_trainer.checkpoint.manifest import Manifest, Part, PartInfo
from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.checkpoint.staging import Staging, mapped
from tandem_trainer.checkpoint.writer import save_part

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A tensor, as bytes."""

    shape: tuple[int, ...]
    dtype: str
    data: bytes

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    def between(self, tensor: str, start: int, end: int) -> Slice:
        item = item_bytes(self.dtype)
        data = memoryview(self.data)[start * item : end * item]
        return Slice(tensor=tensor, shape=self.shape, dtype=self.dtype, start=start, count=end - start, data=data)


State = Mapping[str, Numbers]


def numbers(seed: object, count: int, dtype: str = "float32") -> Numbers:
    """Random numbers, the same for the same seed."""
    return Numbers(shape=(count,), dtype=dtype, data=random.Random(str(seed)).randbytes(count * item_bytes(dtype)))


def evenly(count: int, parts: int) -> list[int]:
    """Borders of an even split."""
    return [count * part // parts for part in range(parts + 1)]


def slices_of(state: State, rank: int, ranks: int) -> list[Slice]:
    """One rank's even share of everything."""
    borders = {name: evenly(tensor.count, ranks) for name, tensor in state.items()}
    return [tensor.between(name, borders[name][rank], borders[name][rank + 1]) for name, tensor in state.items()]


def info(*, claim: int = 1, step: int = 10, rank: int = 0, ranks: int = 1, loss: float | None = 2.5) -> PartInfo:
    return PartInfo(run="run", uid="u1", attempt=claim, claim=claim, step=step, rank=rank, world_size=ranks, at=AT, loss=loss)


def save_slices(store: Store, what: PartInfo, slices: Iterable[Slice], previous: Part | None = None) -> Part:
    """One rank's save: staged, mapped and uploaded."""
    staging = Staging()
    staged = staging.take(slices)
    assert staged is not None
    part = save_part(store, what, staged.layout, mapped(staged.fd, staged.bytes), previous=previous)
    staging.close()
    return part


def save_parts(store: Store, shares: Sequence[Iterable[Slice]], **what: object) -> list[Part]:
    """The saves of all ranks of a step, not committed."""
    return [
        save_slices(store, info(rank=rank, ranks=len(shares), **what), slices)  # type: ignore[arg-type]
        for rank, slices in enumerate(shares)
    ]


def save(store: Store, state: State, *, ranks: int = 1, **what: object) -> Committed:
    """A committed checkpoint of `state`, split evenly."""
    parts = save_parts(store, [slices_of(state, rank, ranks) for rank in range(ranks)], **what)
    return commit(store, parts[0], timeout_s=0)


def read(store: Store, manifest: Manifest, *, borders: Mapping[str, Sequence[int]] | None = None, parallel: int = 4) -> State:
    """The state in a checkpoint, read in one fill; tensor by tensor in the pieces between `borders`."""
    reader = Reader(store, manifest, parallel=parallel)
    space: dict[str, bytearray] = {}
    wants: list[Want] = []
    for name, tensor in reader.tensors().items():
        item, count = item_bytes(tensor.dtype), math.prod(tensor.shape)
        space[name] = bytearray(count * item)
        for start, end in itertools.pairwise((borders or {}).get(name, (0, count))):
            wants.append(Want(tensor=name, start=start, out=memoryview(space[name])[start * item : end * item]))
    reader.fill(wants)
    return {name: Numbers(shape=tensor.shape, dtype=tensor.dtype, data=bytes(space[name])) for name, tensor in reader.tensors().items()}


@contextmanager
def directory() -> Iterator[Store]:
    """A directory store in memory, for tests of many examples."""
    root = Path(tempfile.mkdtemp(prefix="tandem-checkpoint-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108 - mkdtemp makes it ours
    try:
        yield open_store(root.as_uri(), {})
    finally:
        shutil.rmtree(root)


@contextmanager
def small_chunks(*, chunk: int = 256, block: int = 64) -> Iterator[None]:
    """Chunks and blocks of a few bytes, so that a small state has many."""
    with (
        patch.multiple(chunks, CHUNK=chunk, SMALLEST=chunk // 2, BLOCK=block),
        patch.multiple(reads, BLOCK=block, LONGEST=2 * block),
        patch("tandem_trainer.checkpoint.reader.LONGEST", 2 * block),
    ):
        yield
