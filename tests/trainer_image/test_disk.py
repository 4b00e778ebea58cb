"""Files without a name, on a disk that is real."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tandem_trainer.disk import DiskError, DiskFile, is_memory, space
from tandem_trainer.exit_codes import FAILED
from tandem_trainer.verdict import verdict

MIB = 1 << 20


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """What a disk that is full says, said by the kernel: no file of this process may be larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_written_is_read_wherever_it_lies(tmp_path: Path) -> None:
    """Zero at first; read into memory that is there, or seen as a whole; and the folder shows nothing of it."""
    file = DiskFile(tmp_path, 3 * MIB)
    file.write(memoryview(b"expert"), MIB + 5)
    file.expect(6, MIB + 5)
    file.read(memoryview(found := bytearray(8)), MIB + 4)
    seen = file.seen()
    assert (bytes(found), len(seen), bytes(seen[MIB + 4 : MIB + 12])) == (b"\0expert\0", 3 * MIB, b"\0expert\0")
    assert not [*tmp_path.iterdir()]


def test_all_of_its_room_is_set_aside_at_once(tmp_path: Path) -> None:
    """Blocks of the disk, not a promise: who has begun is not stopped by what others write."""
    file = DiskFile(tmp_path, 3 * MIB)
    file.reserve(5 * MIB)
    file.reserve(MIB)
    assert (os.fstat(file.fd).st_size, os.fstat(file.fd).st_blocks * 512 >= 5 * MIB) == (5 * MIB, True)


def test_a_disk_that_is_full_is_one_line_and_worth_another_try(tmp_path: Path) -> None:
    """When room is set aside, and when something is written; elsewhere, or later, there may be some."""
    file = DiskFile(tmp_path, MIB)
    with largest_file(MIB):
        for deed in (lambda: DiskFile(tmp_path, MIB + 1), lambda: file.write(memoryview(b"x"), MIB)):
            with pytest.raises(DiskError, match=r"^[^\n]+: File too large: [^\n]+; free some of it, or take another$") as caught:
                deed()
            assert verdict(caught.value) == (FAILED, str(caught.value))
            assert str(caught.value).startswith(f"{tmp_path}: ")
    file.write(memoryview(b"x"), MIB - 1)


def test_what_was_cut_off_is_not_taken_for_zeros(tmp_path: Path) -> None:
    """A file that is shorter than it was is a disk's fault, in one line."""
    file = DiskFile(tmp_path, MIB)
    os.ftruncate(file.fd, MIB // 2)
    with pytest.raises(DiskError, match=r": Input/output error: .*; mend it, or take another$"):
        file.read(memoryview(bytearray(MIB)), 0)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Whether room is asked about, or set aside."""
    for deed in (lambda: space(tmp_path / "absent"), lambda: DiskFile(tmp_path / "absent", MIB)):
        with pytest.raises(DiskError, match=rf"^{tmp_path}/absent: No such file or directory: "):
            deed()


def test_a_disk_has_room_for_us_but_for_what_is_kept_for_root(tmp_path: Path) -> None:
    """What is taken and what is free for us are all there is: a file system may keep a twentieth of itself back."""
    told, found = os.statvfs(tmp_path), space(tmp_path)
    kept_back = (told.f_bfree - told.f_bavail) * told.f_frsize
    assert found.size == told.f_blocks * told.f_frsize - kept_back
    assert 0 < found.free <= found.size


def test_a_file_system_in_memory_is_known_as_one(tmp_path: Path) -> None:
    """By what the kernel says of the mount; a mount may have optional fields, or none."""
    device = tmp_path.stat().st_dev
    numbers = f"{os.major(device)}:{os.minor(device)}"
    said = "29 22 0:999 / /x rw shared:1 - tmpfs t rw\n30 22 {} / / rw {}- {} x rw\n"
    for kind, options, expected in (("tmpfs", "shared:2 master:1 ", True), ("ext4", "shared:2 ", False), ("tmpfs", "", True)):
        (mounts := tmp_path / "mountinfo").write_text(said.format(numbers, options, kind))
        assert is_memory(tmp_path, mounts) is expected
    assert not is_memory(tmp_path, tmp_path / "absent")
    if Path("/dev/shm").is_mount():  # noqa: S108  # where every Linux has one
        assert is_memory(Path("/dev/shm"))  # noqa: S108
