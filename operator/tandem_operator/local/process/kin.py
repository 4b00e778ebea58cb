"""The processes that a worker has left behind: ranks whose agent was killed, and whatever they had started.

A worker has ended only when none of them is left, or two attempts would train side by side. They are known by the variable
that says whose scratch folder they use: it is handed down from parent to child, and no other program has it.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

from .identity import Identity

MARK = "TANDEM_SCRATCH"
_ASKED, _PAUSE_S = 100, 0.001


def of(scratch: Path) -> Iterator[Identity]:
    """Every live process of the worker with this scratch folder."""
    mark = f"{MARK}={scratch}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and mark in _environment(entry):
            found = Identity.of(int(entry.name))
            if found is not None and found.alive:
                yield found


def kill(scratch: Path) -> int:
    """SIGKILL to all of them; how many there were."""
    return sum(1 for process in of(scratch) if process.send(signal.SIGKILL))


def _environment(entry: Path) -> list[bytes]:
    """A process that becomes another program has none for a moment (execve(2)): it is asked again, or it would be missed for good."""
    try:
        for _ in range(_ASKED):
            if (found := (entry / "environ").read_bytes()) or not (entry / "exe").exists():
                return found.split(b"\0")
            time.sleep(_PAUSE_S)
    except OSError:  # gone meanwhile, or somebody else's
        pass
    return []
