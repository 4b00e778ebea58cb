"""A room of so much memory for one process and all that it starts: a memory cgroup, in which the page cache that it fills counts, too.

Whoever needs more of its own than fits is killed by the kernel. Pages of files are let go of for newer ones, and read again.
"""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TOP = Path("/sys/fs/cgroup")
_PATIENCE_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A memory cgroup.

    Attributes:
        folder: Its control files.
    """

    folder: Path

    @property
    def within(self) -> tuple[str, ...]:
        """What a command is put behind so that all its memory is counted here."""
        return "sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$0" "$@"'


@contextmanager
def room(most_bytes: int) -> Generator[Room | None]:
    """A room of that size; None where we may not make one, which takes root and a cgroup tree that is ours."""
    unified = (_TOP / "cgroup.controllers").exists()
    made = Room(folder=(_TOP if unified else _TOP / "memory") / f"tandem-bench-{os.getpid()}")
    try:
        made.folder.mkdir()
        (made.folder / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(most_bytes))
    except OSError:
        with suppress(OSError):
            made.folder.rmdir()
        yield None
        return
    try:
        yield made
    finally:
        _removed(made.folder)


def _removed(folder: Path) -> None:
    """Remove a cgroup as soon as the last of its processes is gone."""
    give_up = time.monotonic() + _PATIENCE_S
    while folder.exists() and time.monotonic() < give_up:
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.05)
