"""Run a command that cannot outlive its starter: `python leash.py <pid of the starter> command...`.

On Linux the kernel kills it when the thread that started it ends, for whatever reason, a kill -9 included
(PR_SET_PDEATHSIG, prctl(2)). This small program sets that and becomes the command. Elsewhere it just becomes it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(starter: int, command: list[str]) -> None:
    """Become `command`, unless `starter` is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != starter:
        raise SystemExit(1)
    os.execvp(command[0], command)  # noqa: S606  it is the point not to have a shell


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
