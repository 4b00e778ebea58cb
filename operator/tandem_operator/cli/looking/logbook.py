"""The log of a worker, printed as it is; followed, if asked, through later attempts until the run rests."""

import sys
import time
from pathlib import Path

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import reader
from tandem_operator.local.state.run_folder import RunFolder

_EVERY_S = 0.2
_BLOCK = 1 << 16


def tell(folder: RunFolder, *, attempt: int | None, worker: int, follow: bool) -> None:
    """Print the log of one worker of an attempt, or of the last attempt."""
    name = folder.name
    wanted = attempt or folder.status().attempt
    log = _log(folder, wanted, worker)
    if not log.exists() and not follow:
        there = ", ".join(sorted(path.name for path in folder.workers.iterdir())) if folder.workers.is_dir() else ""
        instead = f"there are {there}" if there else "no worker was started yet"
        leave(Exit.BAD_INPUT, f"{name}: no log of worker {worker} of attempt {wanted}: {instead}")
    try:
        at = printed(log, 0)
        if not at and not follow:
            _silent(name, wanted, worker)
        if follow:
            _follow(folder, worker, wanted, at, fixed=attempt is not None)
    except BrokenPipeError:
        reader.gone()


def _silent(name: str, attempt: int, worker: int) -> None:
    """Say, beside the log, that there is nothing in it."""
    instead = f"; worker 0 speaks for all: `tandem logs {name} --attempt {attempt}`" if worker else " yet"
    print(f"{name}: worker {worker} of attempt {attempt} has said nothing{instead}", file=sys.stderr)


def _follow(folder: RunFolder, worker: int, attempt: int, at: int, *, fixed: bool) -> None:
    """Go on from `at` until the run rests, and through the attempts that follow unless one was asked for."""
    while True:
        status = folder.status()
        at = printed(_log(folder, attempt, worker), at)
        if status.attempt > attempt:
            if fixed:
                return
            attempt, at = attempt + 1, 0
        elif status.phase.resting:
            return
        else:
            time.sleep(_EVERY_S)


def _log(folder: RunFolder, attempt: int, worker: int) -> Path:
    return folder.workers / f"{folder.name}-{attempt}-{worker}" / "log"


def printed(log: Path, at: int) -> int:
    """Print what has come since `at` in a log; where it ends now."""
    try:
        with log.open("rb") as file:
            file.seek(at)
            while block := file.read(_BLOCK):
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            return file.tell()
    except FileNotFoundError:
        return at
