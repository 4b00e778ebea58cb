"""Huge pages for what is read all over: each row that a walk along the graph looks at lies on another page, whose place is looked up first.

In a graph of a million rows a walk takes three quarters of its time then. Most kernels have to be asked, by each program for its own
memory. numpy asks for its arrays; usearch does not for its graphs, and gives nobody a handle on what they lie in.
"""

import ctypes
import mmap
from collections.abc import Iterator
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_LARGE_BYTES = 32 << 20  # what is smaller may be a heap, whose holes would be filled
_COLLAPSE = 25  # at once, for what is there already (Linux 6.1); older kernels refuse it, and come to it by themselves by and by


def ask() -> None:
    """Ask for all large memory of this process that no file is behind. For a thread that has time: a gigabyte takes half a second."""
    if not _MAPS.exists() or not hasattr(mmap, "MADV_HUGEPAGE"):
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for begin, size in _large():
        if madvise(begin, size, mmap.MADV_HUGEPAGE) == 0:
            madvise(begin, size, _COLLAPSE)


def _large() -> Iterator[tuple[int, int]]:
    """Where such memory begins, and how many bytes it has."""
    for line in _MAPS.read_text().splitlines():
        place, rights, _, _, inode, *name = line.split(maxsplit=5)
        begin, end = (int(each, 16) for each in place.split("-"))
        if rights == "rw-p" and inode == "0" and not name and end - begin >= _LARGE_BYTES:
            yield begin, end - begin
