"""Huge pages are asked for where they are worth it, and nowhere else."""

import ctypes
import mmap
from pathlib import Path

import pytest
from tandem_memory.index import pages

from tests.resident import resident_bytes

ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
GIVEN = ENABLED.exists() and "[never]" not in ENABLED.read_text()


def test_large_memory_in_use_is_asked_for() -> None:
    """Memory that no file is behind, as a graph's is; and it need not be asked for a second time."""
    with private(64 << 20) as held:
        held[:: mmap.PAGESIZE] = bytes(len(held) // mmap.PAGESIZE)
        done = pages.ask(pages.NOTHING)
        assert asked(held) is GIVEN
        assert pages.ask(done) == done


def test_what_is_hardly_used_is_not_filled() -> None:
    """A mapping of which one page in 512 is in use, as a heap with holes: huge pages would take all of it at once."""
    elsewhere = pages.ask(pages.NOTHING)  # what other tests have left
    with private(256 << 20) as held:
        held[:: 2 << 20] = bytes(len(held) // (2 << 20))
        before = resident_bytes()
        pages.ask(elsewhere)
        assert not asked(held)
        assert resident_bytes() - before < len(held) // 4


def test_what_lies_behind_a_hole_is_given_too() -> None:
    """As much of memory that is in use before and behind a place where nothing is yet as of memory without one."""
    size, hole = 128 << 20, 4 << 20

    def given(left_out: int) -> int:
        with private(size) as held:
            for first, last in ((0, size // 4), (size // 4 + left_out, size)):
                held[first : last : mmap.PAGESIZE] = bytes((last - first) // mmap.PAGESIZE)
            pages.ask(pages.NOTHING)
            return noted(held, "AnonHugePages:")

    assert given(hole) >= given(0) - 2 * hole


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


def private(size: int) -> mmap.mmap:
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def asked(held: mmap.mmap) -> bool:
    """Whether the kernel notes of a mapping that somebody asked for huge pages."""
    return "hg" in notes(held)["VmFlags:"]


def noted(held: mmap.mmap, name: str) -> int:
    """Bytes that the kernel notes of a mapping."""
    return int(notes(held)[name][0]) << 10


def notes(held: mmap.mmap) -> dict[str, list[str]]:
    """What the kernel notes of the mapping, or of all that were next to each other and became one."""
    at, found = ctypes.addressof(ctypes.c_char.from_buffer(held)), dict[str, list[str]]()
    within = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            begin, end = (int(each, 16) for each in first.split("-"))
            within = begin <= at < end
        elif within:
            found[first] = rest
    assert found, f"{at:x} is in no mapping"
    return found
