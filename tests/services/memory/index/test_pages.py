"""Huge pages are asked for where they are worth it, and nowhere else."""

import ctypes
import mmap
from pathlib import Path

import pytest
from tandem_memory.index import pages

ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
GIVEN = ENABLED.exists() and "[never]" not in ENABLED.read_text()


def test_large_memory_in_use_is_asked_for() -> None:
    """Memory that no file is behind, as a graph's is; and it need not be asked for a second time."""
    with mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        held[:: mmap.PAGESIZE] = bytes(len(held) // mmap.PAGESIZE)
        done = pages.ask(pages.NOTHING)
        assert asked(held) is GIVEN
        assert pages.ask(done) == done


def test_what_is_hardly_used_is_not_filled() -> None:
    """A mapping of which one page in 512 is in use, as a heap with holes: huge pages would take all of it at once."""
    elsewhere = pages.ask(pages.NOTHING)  # what other tests have left
    with mmap.mmap(-1, 256 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        held[:: 2 << 20] = bytes(len(held) // (2 << 20))
        before = resident_bytes()
        pages.ask(elsewhere)
        assert not asked(held)
        assert resident_bytes() - before < len(held) // 4


def test_a_process_without_a_descriptor_left_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason to look after indexes no more."""
    monkeypatch.setattr(pages, "_MAPPINGS", Path("/nowhere"))
    assert pages.ask({(1, 2)}) in ({(1, 2)}, pages.NOTHING)


def test_files_are_left_alone(tmp_path: Path) -> None:
    """A mapped file is the page cache's, such as the rows of a snapshot and the log."""
    path = tmp_path / "rows"
    path.write_bytes(bytes(64 << 20))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as held:
        pages.ask(pages.NOTHING)
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


def resident_bytes() -> int:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
