"""A shell that is killed again and again, each time at another line of its code, until nothing is left to do.

    python killed_shell.py <run folder> <seed> <kills>

Every life is a fork of this process, so a life costs no imports. A trace function counts the lines of `tandem_operator.local`
that are executed and sends SIGKILL at the chosen one: nothing is cleaned up, no `finally` runs.
"""

import os
import random
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import tandem_operator.local
from tandem_operator.local.process.identity import Identity
from tandem_operator.local.shell import Shell
from tandem_operator.local.state.run_folder import RunFolder

CODE = str(Path(tandem_operator.local.__file__).parent)
LONGEST_LIFE = 6000  # lines; a look takes about 600


def main() -> None:
    folder, seed, kills = RunFolder(Path(sys.argv[1])), random.Random(sys.argv[2]), int(sys.argv[3])
    killed = 0
    for _ in range(kills):
        killed += _live(folder, int(LONGEST_LIFE ** seed.random())) == -signal.SIGKILL
        if seed.random() < 0.2:
            _kill_a_worker(folder, seed)
    last = _live(folder, None)
    print(f"killed {killed}, last life ended with {last}")
    sys.exit(last)


def _live(folder: RunFolder, lines: int | None) -> int:
    """One life of a shell, of so many lines; its exit code."""
    pid = os.fork()
    if pid == 0:
        with folder.ownership() as lock:
            assert lock.take()
            if lines is not None:
                sys.settrace(_killer(lines))
            _run(Shell(folder))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _run(shell: Shell) -> None:
    mine, _ = socket.socketpair()
    while (looked := shell.look()).over is None:
        shell.wait(min(looked.again_s, 0.05), mine.fileno())


def _killer(lines: int) -> Any:
    left = lines

    def count(frame: FrameType, event: str, arg: object) -> Any:
        del arg
        nonlocal left
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        left -= event == "line"
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    return count


def _kill_a_worker(folder: RunFolder, seed: random.Random) -> None:
    """The machine takes its share, too."""
    live = [path for path in folder.workers.glob("*/pid") if not (path.parent / "ended").exists()]
    known = Identity.read(seed.choice(live)) if live else None
    if known:
        known.send(signal.SIGKILL)


if __name__ == "__main__":
    main()
