"""How much host memory this process may take: what was declared, what its control group allows, what the machine has; the least of them.

In a pod the control group holds the limit of its container (spec.pod.memory), far less than the machine that it shares. A process that
takes more is killed without a word: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files,
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

ITSELF_BYTES: Final = 512 << 20  # what Python, torch and the agent take before there is anything of a run; measured as 0.4 GB
_BUT: Final = "but for 512 MiB that the program itself takes,"
_UNDER_V2: Final = ("", "sys/fs/cgroup", "memory.max")
_UNDER_V1: Final = ("memory", "sys/fs/cgroup/memory", "memory.limit_in_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many bytes and no more; `said_by` begins a sentence that the number ends."""

    bytes: int
    said_by: str


def limit(declared: int | None, *, root: Path = Path("/"), machine: int | None = None) -> Limit:
    """The limit that binds what a run may take: of the machine and of a control group the program itself takes something, too.

    Args:
        declared: trainer.experts.memory.host, if it was set.
        root: Where the files of the kernel are found, as a process sees them.
        machine: Memory of the machine; asked of the system when left out.
    """
    whole = {f"{_BUT} this machine has": machine or _of_machine()}
    if (allowed := of_control_group(root)) is not None:
        whole[f"{_BUT} its control group (pod.memory on a cluster) allows"] = allowed
    found = [Limit(bytes=max(number - ITSELF_BYTES, 0), said_by=said_by) for said_by, number in whole.items()]
    if declared is not None:
        found.append(Limit(bytes=declared, said_by="trainer.experts.memory.host says"))
    return min(found, key=lambda each: each.bytes)


def of_control_group(root: Path) -> int | None:
    """What the control group of this process allows, or one above it that allows less; None where none says a number.

    A container often sees its own group as the topmost one, whatever /proc/self/cgroup calls it: then only that is there to be read.
    """
    said = [number for file in _files(root) if (number := _number(file)) is not None]
    return min(said, default=None)


def _files(root: Path) -> Iterator[Path]:
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller, mounted, name in (_UNDER_V2, _UNDER_V1):
            if controller in controllers.split(","):
                own = PurePosixPath(path.lstrip("/"))
                yield from (root / mounted / group / name for group in (own, *own.parents))


def _number(file: Path) -> int | None:
    """The number in a file; None where there is no such file, or it says `max`."""
    text = _text(file).strip()
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _of_machine() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
