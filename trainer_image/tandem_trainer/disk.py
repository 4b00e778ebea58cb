"""Files without a name: what does not fit in memory lies there while it is worked with, and nothing is left behind, however that ends.

All of a file's room is set aside when it is made, so that a disk that is too small is known before anything is trained. It is read and
written, never mapped for writing: where a disk fails, a write says so, and a mapped page kills its process. What the kernel keeps of such
a file in memory it gives back when somebody else needs it: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory ("file").
"""

import errno
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tandem_trainer.refusal import Refusal

_AT_ONCE: Final = 64 << 20  # bytes of a call; a system may move fewer than were asked for, and moves no more than 2 GiB
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})  # file systems that are no disk
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskError(Refusal):
    """The disk does not take or give what lies on it; another one, or the same later, may."""

    retryable = True


class DiskFile:
    """`size` bytes in `folder`, zero at first."""

    def __init__(self, folder: Path, size: int = 0) -> None:
        """Set them aside.

        Raises:
            DiskError: when there is no room for them, or no such folder.
        """
        self._folder = folder
        with self._told():
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # it lives as long as this does
        self.fd, self._size = self._file.fileno(), 0
        self.reserve(size)

    def reserve(self, size: int) -> None:
        """Set aside as much; what there is stays. Raises as the beginning does."""
        if size > self._size:
            with self._told():
                os.posix_fallocate(self.fd, 0, size) if hasattr(os, "posix_fallocate") else os.ftruncate(self.fd, size)
            self._size = size

    def read(self, into: memoryview, at: int) -> None:
        """Fill `into` with the bytes from `at` on."""
        for begin in range(0, len(into), _AT_ONCE):
            self._all(os.preadv, into[begin : begin + _AT_ONCE], at + begin)

    def write(self, data: memoryview, at: int) -> None:
        """Put `data` at `at`."""
        for begin in range(0, len(data), _AT_ONCE):
            self._all(os.pwritev, data[begin : begin + _AT_ONCE], at + begin)

    def expect(self, size: int, at: int) -> None:
        """Bytes that will soon be read: the disk may begin with them."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.fd, at, size, os.POSIX_FADV_WILLNEED)

    def seen(self) -> memoryview:
        """All of it, to be read; the kernel brings what is looked at."""
        return memoryview(mmap.mmap(self.fd, self._size, prot=mmap.PROT_READ) if self._size else b"")

    def close(self) -> None:
        """Give the room back, once nobody looks at it any more."""
        self._file.close()

    def _all(self, move: Callable[[int, Sequence[memoryview], int], int], data: memoryview, at: int) -> None:
        done = 0
        with self._told():
            while done < len(data):
                moved = move(self.fd, [data[done:]], at + done)
                if not moved:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                done += moved

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            fix = "free some of it" if error.errno in _FULL else "mend it"
            message = f"{self._folder}: {error.strerror}: what does not fit in memory cannot lie on this disk; {fix}, or take another"
            raise DiskError(message) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes of a disk: those that we could take if nobody had taken any, and those that are free now."""

    size: int
    free: int


def space(folder: Path) -> Space:
    """That of the disk of `folder`; what the file system keeps for root is none of it.

    Raises:
        DiskError: when there is no such folder.
    """
    try:
        usage = shutil.disk_usage(folder)
        return Space(size=usage.used + usage.free, free=usage.free)
    except OSError as error:
        message = f"{folder}: {error.strerror}: what does not fit in memory is to lie in this folder; make it, or take another"
        raise DiskError(message) from error


def is_memory(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether what lies in `folder` takes memory all the same; the file says so of each mount (proc_pid_mountinfo(5))."""
    device = folder.stat().st_dev
    numbers = f"{os.major(device)}:{os.minor(device)}"
    lines = (line.split() for line in (mounts.read_text().splitlines() if mounts.is_file() else ()))
    return any(fields[2] == numbers and fields[fields.index("-") + 1] in _IN_MEMORY for fields in lines)
