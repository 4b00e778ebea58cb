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
from typing import TypeAlias

_ALLOWED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_MAPPINGS = Path("/proc/self/smaps")
_LARGE_BYTES, _PIECE_BYTES = 32 << 20, 64 << 20
_COLLAPSE = 25  # at once, for what is there already (Linux 6.1); older kernels refuse it, and come to it by themselves by and by


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
        madvise, page_bytes = ctypes.CDLL(None).madvise, int(_SIZE.read_bytes())
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        now.update(_large())
        for begin, size in now - done:
            madvise(begin, size, mmap.MADV_HUGEPAGE)
            for piece in _within(range(begin, begin + size), _PIECE_BYTES // page_bytes * page_bytes or page_bytes, page_bytes):
                # It is given up at the first place where nothing is yet; then what lies behind that is asked for by itself.
                if madvise(piece.start, len(piece), _COLLAPSE):
                    for page in _within(piece, page_bytes, page_bytes):
                        madvise(page.start, len(page), _COLLAPSE)
    return now


def _within(memory: range, piece_bytes: int, page_bytes: int) -> Iterator[range]:
    """Pieces of the whole huge pages that lie in memory."""
    first, last = -(-memory.start // page_bytes) * page_bytes, memory.stop // page_bytes * page_bytes
    return (range(at, min(at + piece_bytes, last)) for at in range(first, last, piece_bytes))


def _large() -> Iterator[tuple[int, int]]:
    """Place and size of memory that no file is behind, and half of which is in use: of a heap with holes, huge pages would fill them."""
    begin = size = 0
    for line in _MAPPINGS.read_bytes().splitlines():
        first, *rest = line.split()
        if not first.endswith(b":"):  # the head of another mapping: place, rights, offset, device, inode and, if it has one, name
            begin, end = (int(each, 16) for each in first.split(b"-"))
            size = end - begin if rest[0] == b"rw-p" and rest[3:] == [b"0"] else 0
        elif first == b"Rss:" and size >= _LARGE_BYTES and 2 * (int(rest[0]) << 10) >= size:
            yield begin, size
