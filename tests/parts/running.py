"""A part as a running process: on a free loopback port, in its own process group, gone for certain in the end."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_LEASH = Path(__file__).with_name("leash.py")
_PATIENCE_S = 300  # what takes seconds on an idle machine
_PAUSE_S = 0.05
_QUIET = range(20_000, 30_000)  # those that Linux gives by itself begin at 32768, those of Kubernetes' services at 30000


def free_port() -> int:
    """A loopback port that nobody listens on at this moment, and that nobody is given by Linux until somebody does."""
    while True:
        port = _QUIET[secrets.randbelow(len(_QUIET))]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # calls that ended a moment ago take nothing
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def running(
    command: Sequence[str], *, environ: Mapping[str, str], log: Path, ready: Callable[[], bool]
) -> Generator["subprocess.Popen[bytes]"]:
    """The process of `command` from the moment that `ready` says so; killed with all its children at the end.

    Raises:
        RuntimeError: If it ends or stays unready; with the end of its log.
    """
    leashed = [sys.executable, "-S", "-E", str(_LEASH), str(os.getpid()), *command]
    with log.open("wb") as output:
        process = subprocess.Popen(leashed, env=environ, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait_until(ready, process, log)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while not ready():
        if process.poll() is not None or time.monotonic() > give_up:
            how = f"ended with {process.returncode}" if process.returncode is not None else f"was not ready in {_PATIENCE_S} s"
            msg = f"{process.args!r} {how}: {log.read_text(errors='replace')[-2000:]}"
            raise RuntimeError(msg)
        time.sleep(_PAUSE_S)
