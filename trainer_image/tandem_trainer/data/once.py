"""A folder that is made once: whoever comes second finds it, or waits for whoever is at it.

It appears under its name only when it is complete, and all that it holds is on the disk by then.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tandem_objects.durable import sync_folder

Say = Callable[[str], None]


def made(folder: Path, make: Callable[[Path], None], say: Say) -> Path:
    """`folder`, filled by `make` if it is not there; `make` writes files durably into the empty folder that it is given."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_suffix(".lock"), say):
        for left in folder.parent.glob(f".{folder.name[:8]}-*"):  # by a process that was killed: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        if not folder.is_dir():
            _make(folder, make)
    return folder


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name[:8]}-", dir=folder.parent))
    try:
        make(building)
        building.chmod(0o755)  # made private; a cache may be shared
        sync_folder(building)  # all names are lasting before the folder has its own
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    """Only one process on the machine at a time; the kernel lets go of the lock of one that dies."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("data: another process is making these tokens, waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
