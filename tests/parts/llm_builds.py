"""Long commands that make a part, side by side: never silent for long, and gone when their maker is."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.parts.part import Missing, Say

_EVERY_S = 20  # between two signs of life


def build(what: str, commands: Mapping[str, Sequence[str]], *, folder: Path, environ: Mapping[str, str], say: Say) -> None:
    """Run commands, named for their logs in `folder`, until all have ended; with these variables besides ours.

    Raises:
        Missing: When one fails; with its last line.
    """
    began = time.monotonic()
    with ExitStack() as running:
        processes = {name: running.enter_context(_Building(command, folder / f"{name}.log", environ)) for name, command in commands.items()}
        while any(process.poll() is None for process in processes.values()):
            say(f"{what}: {time.monotonic() - began:.0f} s so far, usually 1 to 5 minutes")
            _wait(list(processes.values()), _EVERY_S)
    for name, process in processes.items():
        if process.returncode:
            lines = (folder / f"{name}.log").read_text(errors="replace").strip().splitlines() or ["no output"]
            msg = f"{what} failed ({name}: {lines[-1]}): check the network and the compiler, and run the tests again"
            raise Missing(msg)


class _Building(subprocess.Popen[bytes]):
    """A command whose words go to a log, and which ends with the block that it is made for."""

    def __init__(self, command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        with log.open("wb") as output:
            super().__init__(command, env={**os.environ, **environ}, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def __exit__(self, *about: object) -> None:
        self.kill()
        self.wait()


def _wait(processes: Sequence["subprocess.Popen[bytes]"], seconds: float) -> None:
    """Return when all have ended, or after so long."""
    until = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return
