"""What a part of a DualRun printed; followed, if asked, through its later starts until the run rests."""

import time
from pathlib import Path

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.looking.logbook import printed
from tandem_operator.cli.show import reader
from tandem_operator.local.state.run_folder import DualFolder

COORDINATOR = "coordinator-0"
_EVERY_S = 0.2


def tell(folder: DualFolder, part: str, *, follow: bool) -> None:
    """Print the log of the newest start of a part."""
    logs = _logs(folder, part)
    if not logs and not follow:
        there = ", ".join(found.name for found in folder.status().parts) or "no part was started yet"
        leave(Exit.BAD_INPUT, f"{folder.name}: no log of {part}: there are {there}")
    try:
        at = printed(logs[-1], 0) if logs else 0
        if follow:
            _follow(folder, part, len(logs), at)
    except BrokenPipeError:
        reader.gone()


def _follow(folder: DualFolder, part: str, starts: int, at: int) -> None:
    while True:
        over = folder.status().phase.resting
        logs = _logs(folder, part)
        if starts:
            at = printed(logs[starts - 1], at)
        if len(logs) > starts:
            starts, at = starts + 1, 0
        elif over:
            return
        else:
            time.sleep(_EVERY_S)


def _logs(folder: DualFolder, part: str) -> list[Path]:
    """The logs of all starts of a part, in order."""
    found = [path for path in folder.workers.glob(f"{folder.name}-{part}-*") if path.name.rpartition("-")[2].isdigit()]
    return [path / "log" for path in sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))]
