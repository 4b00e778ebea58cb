"""The first instructions of a worker: write down who it is, then become it. Run by path, with nothing of ours imported.

    python -I -S launch.py <claim> <command> [<argument> ...]

`claim` is a file that only one process can ever make. Whoever makes it decides: a worker that wrote its identity there lives;
a shell that wrote "nobody" there, because the one who ordered the worker has died, knows that the worker will not come. So
there is no instant at which a kill leaves a worker that runs and is not on record. exec keeps pid and start time.
"""

import json
import os
import sys
import time
from pathlib import Path

NOT_FOUND = 127  # as shells say it
NOT_WANTED = 75  # EX_TEMPFAIL of sysexits.h: somebody else has decided
NOBODY: dict[str, object] = {"pid": 0, "ticks": 0, "boot": ""}  # the claim of whoever decides that no one shall come


def identity(pid: int) -> dict[str, object]:
    """Pid, start time in clock ticks since boot, and boot: together they never come twice (proc(5), field 22 of stat)."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return {"pid": pid, "ticks": int(stat.rpartition(")")[2].split()[19]), "boot": boot, "at": time.time()}


def claim(path: Path, content: dict[str, object]) -> bool:
    """Make `path`, whole, unless it is there; say whether we did. link(2) does both in one step."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(content), encoding="utf-8")
    try:
        path.hardlink_to(beside)
    except (FileExistsError, FileNotFoundError):
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def main() -> None:
    """Claim, then become the command."""
    path, *command = sys.argv[1:]
    if not claim(Path(path), identity(os.getpid())):
        sys.exit(NOT_WANTED)
    try:
        os.execvpe(command[0], command, os.environ)  # noqa: S606 - becoming the command, without a shell, is the point
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - stderr is the worker's log
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main()
