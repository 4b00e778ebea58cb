"""Memory that a rank copies its state into and its agent uploads it from, while training goes on.

A copy in memory is all that training waits for; the rest happens in another process, which also outlives a crash of the
rank. Two generations, so that a new state may be taken while the one before is still on its way (the staging ring of
torchtitan's zero-overhead checkpointing and of DLRover). Memory is handed over as a file descriptor: no name, no clean-up.

A state that does not fit in memory has its generations on the disk where it lies itself: for the agent a descriptor as any other.
"""

import math
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.checkpoint.layout import Placed, aligned, item_bytes
from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.disk import DiskFile

_GENERATIONS: Final = 2
_PAGES: Final = bytes(1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A state at rest, until its generation is released.

    Attributes:
        generation: What to release when it is saved.
        fd: The memory, for `socket.send_fds` and `mapped`. The same for all states of a generation.
        bytes: How much of it is filled.
        layout: Which numbers lie where.
    """

    generation: int
    fd: int
    bytes: int
    layout: tuple[Placed, ...]


class Staging:
    """Two generations of shared memory, or on the disk of `folder`. They grow to what is put in, and stay."""

    def __init__(self, folder: Path | None = None) -> None:
        self._memories: tuple[_Place, ...] = tuple(_OnDisk(folder) if folder else _Memory() for _ in range(_GENERATIONS))
        self._busy: set[int] = set()

    def reserve(self, size: int) -> None:
        """Get both generations ready for states of `size` bytes.

        The first write to a page of fresh memory takes several times as long as the next ones. Called before training
        begins, this makes the first two states as quick to take as all others.

        Raises:
            DiskError: when they are to lie on a disk that has no room for them.
        """
        for generation in self._free():
            self._memories[generation].touch(size + len(_PAGES))  # room for alignment

    def take(self, slices: Iterable[Slice]) -> Staged | None:
        """Copy a state: one pass over its bytes. The tensors may change as soon as this returns.

        Returns:
            None when both generations are still being saved: skip this checkpoint, or wait for a release.

        Raises:
            CheckpointError: when a slice contradicts itself.
            DiskError: when the disk does not take it.
        """
        generation = next(self._free(), None)
        if generation is None:
            return None
        memory = self._memories[generation]
        layout: list[Placed] = []
        end = 0
        for piece in slices:
            placed = _place(piece, end)
            end = memory.copy(piece.data, end, placed.offset)
            layout.append(placed)
        self._busy.add(generation)
        return Staged(generation=generation, fd=memory.fd, bytes=end, layout=tuple(layout))

    def release(self, generation: int) -> None:
        """Say that a generation is saved or given up, and may be written over."""
        self._busy.discard(generation)

    @property
    def full(self) -> bool:
        """Whether both generations are still being saved."""
        return next(self._free(), None) is None

    def close(self) -> None:
        """Give the memory back. An agent that has mapped it keeps what it has."""
        for memory in self._memories:
            memory.close()

    def _free(self) -> Iterator[int]:
        return (generation for generation in range(_GENERATIONS) if generation not in self._busy)


def mapped(fd: int, size: int) -> memoryview:
    """A staged buffer as another process sees it: shared, read-only. `fd` may be closed afterwards."""
    return memoryview(mmap.mmap(fd, size, prot=mmap.PROT_READ) if size else b"")


class _Place(Protocol):
    """Where a generation lies."""

    fd: int

    def copy(self, data: memoryview, end: int, offset: int) -> int:
        """Put `data` at `offset`, zeros from `end` up to there; the new end."""
        ...

    def touch(self, size: int) -> None:
        """Make `size` bytes present."""
        ...

    def close(self) -> None: ...


class _OnDisk:
    """The same on a disk."""

    def __init__(self, folder: Path) -> None:
        self._file = DiskFile(folder, mmap.PAGESIZE)
        self.fd = self._file.fd

    def copy(self, data: memoryview, end: int, offset: int) -> int:
        self._file.write(memoryview(bytes(offset - end)), end)
        self._file.write(data.cast("B"), offset)
        return offset + data.nbytes

    def touch(self, size: int) -> None:
        self._file.reserve(size)

    def close(self) -> None:
        self._file.close()


class _Memory:
    """Bytes that another process can map; without a name, so that nothing is left behind whatever happens."""

    def __init__(self) -> None:
        self.fd = _nameless_file()
        self._map: mmap.mmap | None = None
        self._size = 0

    def copy(self, data: memoryview, end: int, offset: int) -> int:
        new_end = offset + data.nbytes
        writable = self._grown(new_end)
        writable[end:offset] = bytes(offset - end)  # else a former state would show here, and no chunk would repeat
        writable[offset:new_end] = data
        return new_end

    def touch(self, size: int) -> None:
        writable = self._grown(size)
        for start in range(0, size, len(_PAGES)):
            end = min(start + len(_PAGES), size)
            writable[start:end] = _PAGES[: end - start]

    def close(self) -> None:
        os.close(self.fd)
        self._map = None

    def _grown(self, size: int) -> mmap.mmap:
        if self._map is None or size > self._size:
            # Doubling costs nothing: pages that are never written to are never made.
            self._size = max(size, 2 * self._size, mmap.PAGESIZE)
            os.ftruncate(self.fd, self._size)
            self._map = mmap.mmap(self.fd, self._size)
        return self._map


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("tandem-checkpoint")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _place(piece: Slice, end: int) -> Placed:
    if piece.data.nbytes != piece.count * item_bytes(piece.dtype):
        msg = f"tensor {piece.tensor!r}: {piece.count} numbers of {piece.dtype} came with {piece.data.nbytes} bytes"
        raise CheckpointError(msg)
    if not 0 <= piece.start <= piece.start + piece.count <= math.prod(piece.shape):
        held = f"{piece.count} numbers from number {piece.start} on"
        msg = f"tensor {piece.tensor!r}: {held} do not fit its shape {list(piece.shape)}"
        raise CheckpointError(msg)
    return Placed(
        tensor=piece.tensor,
        shape=tuple(piece.shape),
        dtype=piece.dtype,
        start=piece.start,
        count=piece.count,
        offset=aligned(end),
        unit=piece.unit,
    )
