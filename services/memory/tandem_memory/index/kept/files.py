"""Files of a snapshot: written beside, made durable, checked when they are read, and let go of where they are read but once."""

import os
import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tandem_memory.index.kept.errors import SnapshotError
from tandem_memory.index.stored import Stored

BLOCK_ROWS = 4096  # rows under one checksum: appending reads at most so many of the old ones again
_PIECE = 1 << 22  # bytes of a file at a time


def new(folder: Path, kind: str, ending: str) -> Path:
    """A name that no file of `folder` has."""
    return folder / f"{kind}-{secrets.token_hex(4)}.{ending}"


def written(path: Path, write: Callable[[Path], object]) -> Stored:
    """Let `write` make a file, and make it durable."""
    write(path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    stored = Stored(path=path, size=path.stat().st_size, checksum=checksum(path))
    let_go(path)
    return stored


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write arrays by name."""
    with path.open("xb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(stored: Stored) -> dict[str, npt.NDArray[np.generic]]:
    """What `write_arrays` wrote.

    Raises:
        SnapshotError: it is not as it was written.
    """
    check(stored)
    try:
        with np.load(stored.path, allow_pickle=False) as arrays:
            read = dict(arrays)
    except (OSError, ValueError) as error:
        raise SnapshotError(stored.path, str(error)) from error
    let_go(stored.path)
    return read


def checksum(path: Path) -> int:
    """CRC-32 of a file."""
    total = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            total = zlib.crc32(piece, total)
    return total


def let_go(path: Path) -> None:
    """Tell the kernel that a file is not read again soon: its pages had better hold rows, which every search reads."""
    with suppress(OSError, AttributeError), path.open("rb") as file:  # not every system hears of it: the kernel finds out by and by
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def check(stored: Stored) -> None:
    """Make sure that a file is as it was written.

    Raises:
        SnapshotError: it is not there, or not as it was.
    """
    path = stored.path
    if not path.is_file() or path.stat().st_size != stored.size or checksum(path) != stored.checksum:
        raise SnapshotError(path, "not as it was written")


def append_rows(path: Path, at: int, runs: Iterator[npt.NDArray[np.float32]]) -> None:
    """Write rows of float32 from byte `at` on, over whatever a broken attempt left there, and make them durable."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    try:
        os.lseek(descriptor, at, os.SEEK_SET)
        for run in runs:
            data = np.ascontiguousarray(run).data.cast("B")
            while data:
                data = data[os.write(descriptor, data) :]  # write(2) takes at most 2 GiB at once
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def mapped(path: Path, count: int, dimension: int) -> npt.NDArray[np.float32]:
    """The first `count` rows of a file, read by the kernel as they are touched.

    Raises:
        SnapshotError: the file is shorter.
    """
    if count == 0:
        return np.empty((0, dimension), np.float32)
    if not path.is_file() or path.stat().st_size < 4 * count * dimension:
        raise SnapshotError(path, f"does not hold {count} rows of {dimension}")
    return np.asarray(np.memmap(path, np.float32, "r", shape=(count, dimension)))


def sums(rows: npt.NDArray[np.float32], known: Sequence[int] = (), before: int = 0) -> tuple[int, ...]:
    """CRC-32 of each block of rows; `known` are those of the first `before` rows, of which whole blocks are not read again."""
    whole = before // BLOCK_ROWS
    return (*known[:whole], *(zlib.crc32(rows[at : at + BLOCK_ROWS].data) for at in range(whole * BLOCK_ROWS, len(rows), BLOCK_ROWS)))
