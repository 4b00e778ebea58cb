"""The workers of one run as child processes: started once each, stopped politely, ended for certain.

Only the owner of the run uses this. A worker leads a session of its own, so whatever happens to the owner or its terminal does
not happen to the worker, and the next owner finds it by its folder.
"""

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tandem_operator.plan.values import HERE, SeenWorker
from tandem_operator.render.process import Process

from . import kin, launch
from .folder import KILLED, Ended, WorkerFolder, folders
from .identity import Identity

GRACE = timedelta(seconds=110)  # Amazon gives a spot machine 120 s from the notice to the end
_NOT_STARTED = 126  # as shells say it: found, but cannot be run
_DYING_S = 1.0


@dataclass(frozen=True, slots=True)
class _Child:
    """A worker that this very process has started, and so may ask the kernel about."""

    process: subprocess.Popen[bytes]
    since: datetime


class Workers:
    """The workers of one run."""

    def __init__(self, parent: Path, *, grace: timedelta = GRACE) -> None:
        self._parent = parent
        self._grace = grace
        self._children: dict[str, _Child] = {}
        self._ended: dict[str, SeenWorker] = {}

    def start(self, process: Process, now: datetime) -> bool:
        """Start a worker; False when its name was taken before, by whomever.

        Raises:
            OSError: when its folder cannot be made: nothing was started.
        """
        folder = self._folder(process.name)
        if not folder.make():
            return False
        command = [sys.executable, "-I", "-S", launch.__file__, str(folder.pid), *process.argv]
        try:
            with folder.log.open("ab") as log:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(process.environment),
                    cwd=process.directory,
                    start_new_session=True,
                )
        except OSError as error:
            folder.end(_NOT_STARTED, f"could not be started: {error}", now)
            return True
        self._children[process.name] = _Child(child, now)
        return True

    def stop(self, name: str, now: datetime) -> None:
        """Ask a worker to save and leave, once; kill all of it when it has not gone within the grace period."""
        folder = self._folder(name)
        asked = folder.stop_asked()
        if asked is None:
            self._send(folder, signal.SIGTERM)  # first the signal, then the record: to ask twice is safe, not to ask is not
            folder.ask_stop(now)
        elif now - asked >= self._grace:
            kin.kill(folder.path)

    def look(self, now: datetime) -> tuple[SeenWorker, ...]:
        """Every worker there ever was, as it stands."""
        return tuple(self._seen(folder, now) for folder in folders(self._parent))

    def wait(self, timeout_s: float, *others: int) -> None:
        """Sleep until a worker ends, one of the other descriptors can be read, or time is up."""
        poll = select.poll()
        handles = [handle for folder in folders(self._parent) if (handle := self._handle(folder)) is not None]
        for descriptor in (*handles, *others):
            poll.register(descriptor, select.POLLIN)
        try:
            poll.poll(max(0, int(timeout_s * 1000)))
        finally:
            for handle in handles:
                os.close(handle)

    def _folder(self, name: str) -> WorkerFolder:
        return WorkerFolder(self._parent / name)

    def _seen(self, folder: WorkerFolder, now: datetime) -> SeenWorker:
        name = folder.path.name
        if name in self._ended:
            return self._ended[name]
        ended = folder.ended() or self._ending(folder, now)
        seen = SeenWorker(
            name=name,
            attempt=folder.name.attempt,
            rank=folder.name.rank,
            since=folder.since(),
            until=ended.at if ended else None,
            exit_code=ended.code if ended else None,
            message=ended.message if ended else "",
            stopping=folder.stop_asked() is not None,
            node=HERE,
        )
        if ended:
            self._ended[name] = seen
        return seen

    def _ending(self, folder: WorkerFolder, now: datetime) -> Ended | None:
        """Find out whether a worker has ended, see to it that nothing of it is left, and put that on record."""
        child = self._children.get(folder.path.name)
        code = _peek(child.process.pid) if child else None
        if code is None and (child or folder.settled().alive):
            return None
        if not _all_gone(folder.path):
            return None
        ended = folder.end(*_verdict(folder, code), now if child else min(now, folder.last_sign()))
        if child:
            child.process.wait()
            del self._children[folder.path.name]
        return ended

    def _send(self, folder: WorkerFolder, number: signal.Signals) -> None:
        child = self._children.get(folder.path.name)
        known = Identity.of(child.process.pid) if child else folder.settled()
        if known:
            known.send(number)

    def _handle(self, folder: WorkerFolder) -> int | None:
        name = folder.path.name
        if name in self._ended:
            return None
        if name in self._children:
            return os.pidfd_open(self._children[name].process.pid)
        known = Identity.read(folder.pid)
        return known.handle() if known else None


def _peek(pid: int) -> int | None:
    """The exit code of a child of ours, which stays a zombie: its number cannot be given away before all is on record."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status


def _all_gone(scratch: Path) -> bool:
    """Kill what the worker left behind; False when some of it does not die, such as a process stuck in the kernel."""
    deadline = time.monotonic() + _DYING_S
    while kin.kill(scratch):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _verdict(folder: WorkerFolder, code: int | None) -> tuple[int, str]:
    """The agent's own word counts most: it knows whether the work was done, even if it was killed on its way out."""
    if word := folder.word():
        return word
    if code is None:
        return KILLED, "gone without a word: killed, or the machine was restarted"
    if code > 128:  # noqa: PLR2004 - how shells tell a signal from an exit code
        with suppress(ValueError):
            return code, f"ended by {signal.Signals(code - 128).name}"
    return code, folder.last_words() if code else ""
