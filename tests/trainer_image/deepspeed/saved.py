"""State of a few ranks, kept by the real checkpoint package in a folder: saved rank by rank, read back by any number."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.manifest import PartInfo
from tandem_trainer.checkpoint.reader import Reader, newest
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.checkpoint.staging import Staging, mapped
from tandem_trainer.checkpoint.writer import save_part
from tandem_trainer.rank.world import World


def save(slices: Iterable[Slice], folder: Path, world: World, *, step: int = 1) -> None:
    """Save this rank's part; rank 0 waits for the others and commits."""
    store, staged = _store(folder), Staging().take(slices)
    assert staged is not None
    info = PartInfo(
        run="test",
        uid="",
        attempt=1,
        claim=1,
        step=step,
        rank=world.rank,
        world_size=world.size,
        at=datetime.now(UTC),
        loss=None,
        tokens=0,
        extra={},
    )
    part = save_part(store, info, staged.layout, mapped(staged.fd, staged.bytes))
    if world.rank == 0:
        commit(store, part, timeout_s=300)


def saved(folder: Path) -> Reader:
    """What was committed there."""
    store = _store(folder)
    found = newest(store)
    assert found.manifest is not None, f"nothing was saved in {folder}"
    return Reader(store, found.manifest)


def load(folder: Path) -> dict[str, np.ndarray]:
    """All tensors, whole and flat."""
    reader = saved(folder)
    tensors = {name: np.empty(int(np.prod(tensor.shape)), dtype=tensor.dtype) for name, tensor in reader.tensors().items()}
    reader.fill(Want(tensor=name, start=0, out=memoryview(numbers)) for name, numbers in tensors.items())
    return tensors


def _store(folder: Path) -> Store:
    return open_store(folder.absolute().as_uri(), {})
