"""How bytes get into a directory so that neither a crash nor a power cut can show half of them.

Write beside, fsync, then give the final name: rename(2) replaces in one step, link(2) refuses a name that is taken. The
directory is fsynced too, since a name is its data. (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.)
A file that is still being written is locked by its writer. The kernel drops the lock with the process, so whoever can
take it knows that the writer is dead, on whichever machine, and that the file may be swept.
"""

import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tandem_objects.keys import UNFINISHED


@contextmanager
def unfinished(folder: Path, data: bytes | memoryview) -> Generator[Path]:
    """A file in `folder` that holds `data`, on disk and not yet an object; gone again at the end unless renamed."""
    path = folder / f"{UNFINISHED}{secrets.token_hex(8)}"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    try:
        with suppress(OSError):  # a file system without locks: sweepers cannot take one either, and leave the file alone
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        _write(descriptor, memoryview(data).cast("B"))
        os.fsync(descriptor)
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(root: Path) -> None:
    """Remove what dead writers left unfinished anywhere below `root`."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(UNFINISHED):
                _remove_if_abandoned(Path(folder, name))


def make_folder(folder: Path) -> None:
    """Create `folder` with its parents, so that they outlive a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        if folder.is_file():
            raise  # otherwise it was made by somebody else meanwhile; or removed again, as the write into it will find out
    sync_if_there(folder.parent)


def sync_if_there(folder: Path) -> None:
    """Make names durable in a folder that others may have deleted meanwhile with all its names: nothing is left to keep then."""
    with suppress(FileNotFoundError):
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make names that were given or taken in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove `folder` and its parents below `root` as far as they are empty: object stores know no folders."""
    with suppress(OSError):  # not empty, or gone already
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]  # write(2) takes at most 2 GiB at once


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):  # locked: its writer lives. Otherwise swept by somebody else, or not ours to remove
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
