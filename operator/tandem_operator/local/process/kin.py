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
_BECOMING_S = 0.1  # a thousand times what it takes; some programs have no environment at all
_PAUSE_S = 0.001


def of(scratch: Path) -> Iterator[Identity]:
    """Every live process of the worker with this scratch folder.

    One that becomes another program has no environment for a moment (execve(2)): it is looked at again, or it would be missed for good.
    """
    mark = f"{MARK}={scratch}".encode()
    until, unread = time.monotonic() + _BECOMING_S, [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    while unread:
        read = [(entry, _environment(entry)) for entry in unread]
        for entry, environment in read:
            if mark in environment.split(b"\0") and (found := Identity.of(int(entry.name))) is not None and found.alive:
                yield found
        unread = [entry for entry, environment in read if not environment and _is_program(entry)]
        if time.monotonic() >= until:
            return
        time.sleep(_PAUSE_S)


def kill(scratch: Path) -> int:
    """SIGKILL to all of them; how many there were."""
    return sum(1 for process in of(scratch) if process.send(signal.SIGKILL))


def _environment(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:  # gone meanwhile, or somebody else's
        return b""


def _is_program(entry: Path) -> bool:
    """And no thread of the kernel, nor a zombie, nor somebody else's: those have no environment for good."""
    try:
        return (entry / "exe").exists()
    except OSError:
        return False
