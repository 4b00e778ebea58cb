"""The daemons of a cluster: started to outlive us, known by pid files, counted in cgroups, killed for certain."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tests.cluster.machine import cgroups
from tests.cluster.site import ClusterError, Site

_PAUSE_S = 0.05
_FIRST = -5  # nice: a busy machine must not keep a node from saying in time that it is there, nor anybody from hearing that
_REPOSITORY = Path(__file__).parents[3]


def sh(*command: object, quiet: bool = False) -> None:
    """Run a command.

    Raises:
        ClusterError: When it fails; with the last thing it said.
    """
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    if done.returncode and not quiet:
        msg = f"`{' '.join(map(str, command))}` failed: {(done.stderr or done.stdout).strip()[-500:]}"
        raise ClusterError(msg)


def wait(what: str, ready: Callable[[], bool], seconds: float = 300) -> None:
    """Return when `ready` says so.

    Raises:
        ClusterError: If it never does.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            msg = f"gave up waiting for {what} after {seconds:.0f} s"
            raise ClusterError(msg)
        time.sleep(_PAUSE_S)


def spawn(site: Site, name: str, group: str, *command: object, environ: Mapping[str, str] | None = None, urgent: bool = False) -> None:
    """Start a daemon, counted in cgroup `group`, before others if it is `urgent`; its pid and log are kept under its name."""
    entrance = cgroups.made(site, group)
    for folder in (site.log, site.pids):
        folder.mkdir(exist_ok=True)
    with (site.log / name).open("ab") as log:
        process = subprocess.Popen(
            [str(each) for each in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=_REPOSITORY,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
            preexec_fn=lambda: _enter(entrance, urgent=urgent),  # noqa: PLW1509  before anything of it can run outside its cgroup
        )
    (site.pids / name).write_text(json.dumps([process.pid, started(process.pid)]))


def detached(*command: object) -> None:
    """Start a process that belongs to no cluster, and ends by itself."""
    quiet = subprocess.DEVNULL
    arguments = [str(each) for each in command]
    subprocess.Popen(arguments, stdin=quiet, stdout=quiet, stderr=quiet, cwd=_REPOSITORY, start_new_session=True)


def _enter(entrance: Path, *, urgent: bool) -> None:
    entrance.write_text(str(os.getpid()))
    if urgent:
        first()


def first() -> None:
    """Have this process come before others, where the machine allows it: within its session, and its session among all others."""
    with suppress(OSError):
        os.nice(_FIRST)
        Path("/proc/self/autogroup").write_text(str(_FIRST))


def started(pid: int) -> str | None:
    """When the process started (None if it has ended): a pid that was used again is another process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def running(site: Site, name: str) -> int | None:
    """The pid of a daemon, if it runs."""
    try:
        pid, start = json.loads((site.pids / name).read_text())
    except FileNotFoundError:
        return None
    return pid if start and started(pid) == start else None


def kill(site: Site, name: str) -> None:
    """End a daemon at once."""
    pid = running(site, name)
    if pid:
        os.kill(pid, signal.SIGKILL)
        wait(f"{name} to end", lambda: not running(site, name))
    (site.pids / name).unlink(missing_ok=True)
