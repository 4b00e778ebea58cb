"""A real disk that is really full."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.checkpoint.reader import newest
from tandem_trainer.checkpoint.retention import sweep

from tests.trainer_image.checkpoint import world

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def free(folder: Path) -> int:
    return int(subprocess.check_output(["stat", "-f", "-c", "%a", str(folder)])) * 4096


def test_a_full_disk_is_one_clear_line_and_harms_nothing(small_disk: Path) -> None:
    """The checkpoint before still loads, the disk does not stay full of halves, and once there is room saving goes on."""
    store: Store = open_store(small_disk.as_uri(), {})
    number = claim(store, attempt=1, uid="u", now=world.AT)
    old = {"t": world.numbers(1, MIB)}
    world.save(store, old, claim=number, step=1)
    room = free(small_disk)
    with world.small_chunks(chunk=MIB, block=MIB // 4), pytest.raises(CheckpointError) as caught:
        world.save(store, {"t": world.numbers(2, 2 * MIB)}, claim=number, step=2)
    line = str(caught.value)
    assert line.startswith("step 2 of rank 0 could not be saved, what was saved before stands: ")
    assert str(small_disk) in line
    assert "\n" not in line
    assert not caught.value.retryable
    assert free(small_disk) == room
    found = newest(store).manifest
    assert found
    assert world.read(store, found) == old
    smaller = {"t": world.numbers(3, MIB // 2)}
    world.save(store, smaller, claim=number, step=3)
    sweep(store, current_claim=number, keep_last=1, keep_best=False)
    after = newest(store).manifest
    assert after
    assert world.read(store, after) == smaller
