"""Huge pages are asked for where they are worth it, and nowhere else."""

import ctypes
import mmap
from pathlib import Path

from tandem_memory.index import pages

KERNEL_HAS_THEM = Path("/sys/kernel/mm/transparent_hugepage/enabled").exists()  # or there is nothing that could be asked


def test_large_memory_is_asked_for() -> None:
    """Memory that no file is behind, as a graph's is."""
    with mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        held[:: mmap.PAGESIZE] = bytes(len(held) // mmap.PAGESIZE)
        assert not asked(held)
        pages.ask()
        assert asked(held) is KERNEL_HAS_THEM


def test_files_are_left_alone(tmp_path: Path) -> None:
    """A mapped file is the page cache's, such as the rows of a snapshot and the log."""
    path = tmp_path / "rows"
    path.write_bytes(bytes(64 << 20))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as held:
        pages.ask()
        assert not asked(held)


def asked(held: mmap.mmap) -> bool:
    """Whether the kernel notes of a mapping that somebody asked for huge pages."""
    at = ctypes.addressof(ctypes.c_char.from_buffer(held))
    within = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if first == "VmFlags:" and within:
            return "hg" in rest
        if not first.endswith(":"):
            begin, end = (int(each, 16) for each in first.split("-"))
            within = begin <= at < end
    msg = f"{at:x} is in no mapping"
    raise AssertionError(msg)
