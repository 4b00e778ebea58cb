"""Rows on a disk, for more experts than host memory holds; of memory they take a place for each that is on its way, and no more.

A file without a name that is read and written by expert. Not LMDB: copy-on-write would give transactions, which scratch space that a
checkpoint outlives has no use for, and takes three to four times the processor time an expert and three times the disk for them, though it
writes hardly more bytes (1.02 rows an expert). Not a mapped file either: that is no cheaper once it is written, its pages count as the
process's own, and a disk that fails would kill it without a word. Measured by `tests/bench/experts/disk.py`.

On a card the places are pinned, and what left is written once the card has handed it over.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from tandem_trainer.disk import DiskFile
from tandem_trainer.experts.moving.link import Link, on_host
from tandem_trainer.experts.moving.slots import draw
from tandem_trainer.experts.sizes import Room, Sizes
from tandem_trainer.tensors import bytes_of

_REFILLED: Final = 16 << 20  # bytes that are read from a checkpoint at a time: half a chunk, several reads beside each other


class DiskRows:
    """The rows of all experts on the disk of `folder`."""

    def __init__(self, sizes: Sizes, room: Room, link: Link, folder: Path) -> None:
        """Set the room aside.

        Raises:
            DiskError: when the disk has none.
        """
        self._sizes, self._link = sizes, link
        self._file = DiskFile(folder, sizes.rows_bytes)
        self._in_SGR, self._out_SGR = (_places(sizes, room, link) for _ in range(2))
        self._left: dict[int, tuple[int, ...]] = {}

    def begin(self, seed: int, share: float) -> None:
        """As `HostRows` draws them, expert by expert."""
        generator, row_GR = torch.Generator().manual_seed(seed), torch.zeros(1, self._sizes.row)
        for expert in range(self._sizes.count):
            draw(row_GR, self._sizes, share, generator)
            self._write(expert, row_GR)

    def seen(self) -> memoryview:
        """All bytes; they are on the disk."""
        return self._file.seen()

    def refilled(self) -> Iterator[tuple[int, memoryview]]:
        """As many experts at a time as one goes to the store for."""
        self.settle()
        row = self._sizes.row_bytes
        together = min(max(1, _REFILLED // row), self._sizes.count)
        rows_NR = torch.zeros(together, self._sizes.row)
        for first in range(0, self._sizes.count, together):
            filled_NR = rows_NR[: self._sizes.count - first]
            yield first, bytes_of(filled_NR)
            self._write(first, filled_NR)

    def expect(self, experts: Sequence[int]) -> None:
        """Let the disk begin."""
        for expert in experts:
            self._file.expect(self._sizes.row_bytes, expert * self._sizes.row_bytes)

    def coming(self, slot: int, experts: Sequence[int]) -> Sequence[Tensor]:
        """Read them, once what the places held before has been taken."""
        self._link.await_brought(slot)
        rows = tuple(self._in_SGR[slot][: len(experts)])
        for expert, row_R in zip(experts, rows, strict=True):
            self._file.read(bytes_of(row_R), expert * self._sizes.row_bytes)
        return rows

    def leaving(self, slot: int, experts: Sequence[int]) -> Sequence[Tensor]:
        """Places to copy them to; what those held before is written first."""
        self._put_away(slot)
        self._left[slot] = tuple(experts)
        return tuple(self._out_SGR[slot][: len(experts)])

    def settle(self) -> None:
        """Write what has left."""
        for slot in tuple(self._left):
            self._put_away(slot)

    def _put_away(self, slot: int) -> None:
        if left := self._left.pop(slot, ()):
            self._link.await_taken_back(slot)
            for expert, row_R in zip(left, self._out_SGR[slot], strict=False):
                self._write(expert, row_R)

    def _write(self, first: int, rows: Tensor) -> None:
        self._file.write(bytes_of(rows), first * self._sizes.row_bytes)


def _places(sizes: Sizes, room: Room, link: Link) -> Tensor:
    return on_host(room.slots * room.group, sizes.row, link.device).unflatten(0, (room.slots, room.group))
