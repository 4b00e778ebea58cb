"""The processes of pods as this machine sees them, past the API and the network; each container is named after its pod."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def processes(pod: str, program: str) -> list[int]:
    """The processes in a pod whose command line speaks of `program`."""
    return [
        int(environ.parent.name)
        for environ in Path("/proc").glob("[0-9]*/environ")
        if f"HOSTNAME={pod}".encode() in _content(environ).split(b"\0") and program.encode() in _content(environ.with_name("cmdline"))
    ]


def kill(pod: str, program: str) -> bool:
    """SIGKILL for that process, as the kernel gives it when memory is short; whether there was one."""
    found = processes(pod, program)
    for process in found:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(process, signal.SIGKILL)
    return bool(found)


def _content(path: Path) -> bytes:
    """What is in a file of /proc; nothing, if its process is gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
