"""A disk of a few MiB, to be filled: a tmpfs, which takes the right to mount."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.parts.part import Missing


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Generator[Path]:
    """`folder`, mounted on a disk of its own of this size.

    Raises:
        Missing: Where we may not mount.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={mebibytes}m,uid={os.getuid()},gid={os.getgid()},mode=0755"
    _as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _as_root("umount", "--lazy", str(folder))


def mounted_read_only(folder: Path) -> None:
    """Make a mounted small disk read-only."""
    _as_root("mount", "-o", "remount,ro", str(folder))


def _as_root(*command: str) -> None:
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    if sys.platform != "linux" or (sudo and not shutil.which("sudo")):
        msg = "a small disk needs Linux and the right to mount: run the tests as root, or with sudo that asks no password"
        raise Missing(msg)
    done = subprocess.run([*sudo, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"`{' '.join(command)}` failed ({done.stderr.strip()}): run the tests as root, or with sudo that asks no password"
        raise Missing(msg)
