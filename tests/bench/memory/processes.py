"""The processes of a server: all that it started, what they hold in memory, and how they are ended."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 120  # a slow machine is no failure
_KIB, _MIB = 2**10, 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a process holds in memory, in MiB: pages that the kernel can only take by killing it, and those that it can read again.

    Attributes:
        resident: All of its pages that are in memory.
        shared_out: The same, with a page that n processes have counted as an nth.
        own: Pages of no file.
        mapped: Pages of files, of which the page cache may let go at any time.
    """

    resident: float
    shared_out: float
    own: float
    mapped: float

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        """That of one process, now."""
        rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        mebibytes = {row[0].rstrip(":"): int(row[1]) * _KIB / _MIB for row in rows}
        own = mebibytes["Anonymous"]
        return cls(resident=mebibytes["Rss"], shared_out=mebibytes["Pss"], own=own, mapped=mebibytes["Rss"] - own)


def end(pid: int, how: signal.Signals) -> None:
    """Stop a server by the signal that it is asked to leave by, or kill it with all that it started; return when all are gone."""
    members = family(pid)
    for each in members if how == signal.SIGKILL else (pid,):
        with suppress(ProcessLookupError):
            os.kill(each, how)
    give_up = time.monotonic() + _PATIENCE_S
    while any(map(running, members)):
        assert time.monotonic() < give_up, f"{pid} does not end by {how.name}"
        time.sleep(0.01)


def family(pid: int) -> tuple[int, ...]:
    """A process and all that it started, as far as their parents are still there."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found, asked = list[int](), [pid]
    while asked:
        found.append(asked.pop())
        asked += children.get(found[-1], [])
    return tuple(found)


def running(pid: int) -> bool:
    """Whether it is there, and not just a child of ours that we have not asked yet how it ended.

    Others' dead count until they are asked: a database that starts again takes the process of its lock file to be alive that long.
    """
    with suppress(OSError):
        state, parent = _fields(Path(f"/proc/{pid}"))[:2]
        return state != "Z" or int(parent) != os.getpid()
    return False


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            yield int(folder.name), int(_fields(folder)[1])


def _fields(folder: Path) -> list[str]:
    """Of its state, from the state on: what comes before is its name, in parentheses, which may hold anything."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
