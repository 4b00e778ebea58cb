"""Huge pages for what is read all over: each row that a walk along the graph looks at lies on another page, whose place is looked up first.

In a graph of a million rows a walk takes three quarters of its time then. Most kernels have to be asked, by each program for its own
memory. numpy asks for its arrays; usearch does not for its graphs, and gives nobody a handle on what they lie in.
"""

import ctypes
import mmap
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

_ALLOWED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_MAPPINGS = Path("/proc/self/smaps")
_LARGE_BYTES = 32 << 20
_COLLAPSE = 25  # at once, for what is there already (Linux 6.1); older kernels refuse it, and come to it by themselves by and by


class Mapping(NamedTuple):
    """Memory that no file is behind: where it begins, its bytes, and how many of them are in use."""

    begin: int
    size: int
    resident: int

    @property
    def dense(self) -> bool:
        """Whether huge pages would hold it in hardly more memory: a heap may have holes, which they fill."""
        return 2 * self.resident >= self.size


Asked: TypeAlias = AbstractSet[tuple[int, int]]
"""Places and sizes of what need not be asked for again."""

NOTHING: Asked = frozenset()


def ask(done: Asked) -> Asked:
    """Ask for all large memory of this process that is in use. For a thread that has time: a gigabyte takes half a second, once.

    Args:
        done: What this returned the last time.
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return done
    now = set[tuple[int, int]]()
    with suppress(OSError):  # no such kernel, or no descriptor to read with: it is slower then, and that is all
        if b"[never]" in _ALLOWED.read_bytes():
            return done
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for each in _large():
            place = each.begin, each.size
            if each.dense:
                now.add(place)
            if each.dense and place not in done:
                madvise(*place, mmap.MADV_HUGEPAGE)
                madvise(*place, _COLLAPSE)
    return now


def _large() -> Iterator[Mapping]:
    begin = size = 0
    for line in _MAPPINGS.read_bytes().splitlines():
        first, *rest = line.split()
        if not first.endswith(b":"):  # the head of another mapping: place, rights, offset, device, inode and, if it has one, name
            begin, end = (int(each, 16) for each in first.split(b"-"))
            size = end - begin if rest[0] == b"rw-p" and rest[3:] == [b"0"] else 0
        elif first == b"Rss:" and size >= _LARGE_BYTES:
            yield Mapping(begin, size, int(rest[0]) << 10)
