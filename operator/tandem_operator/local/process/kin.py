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
_BECOMING_S = 2.0  # it takes a thousandth, but on a busy machine a process may be off the CPU in the middle of it
_PAUSE_S = 0.001
_CODE, _ENVIRONMENT = 26, (50, 51)  # where they begin and end, by the numbers of the fields of /proc/<pid>/stat (proc(5))


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
        unread = [entry for entry, environment in read if not environment and _has_environment(entry)]
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


def _has_environment(entry: Path) -> bool:
    """Whether it has one by now, or is in the middle of execve(2): where the code of a program begins is settled after its environment.

    A program that was given none has none for good; nor have threads of the kernel, zombies, and what is somebody else's.
    """
    try:
        fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        code, start, end = (fields[number - 3] for number in (_CODE, *_ENVIRONMENT))
        return (start != end or code == "0") and (entry / "exe").exists()
    except OSError:
        return False
