"""Which process is meant, once and for all: a pid alone is handed out again, and a signal to it would hit a stranger."""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import launch

_GONE = {"Z", "X"}  # proc(5): a zombie computes nothing and holds nothing, whether or not its parent ever asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A process by pid, start time (clock ticks since boot) and boot; pid 0 is nobody."""

    pid: int
    ticks: int
    boot: str
    at: datetime

    @classmethod
    def read(cls, path: Path) -> "Identity | None":
        """Who wrote itself down at `path`; None when nobody did.

        A claim is whole from its first instant, and is not worth an fsync: one that cannot be read was lost in a power cut, and
        its process with it.
        """
        try:
            return cls._of(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return cls(pid=0, ticks=0, boot="", at=datetime.fromtimestamp(path.stat().st_mtime, UTC))

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Who has this pid now; None when nobody has."""
        try:
            return cls._of(launch.identity(pid))
        except (FileNotFoundError, ProcessLookupError):
            return None

    @classmethod
    def _of(cls, told: Mapping[str, object]) -> "Identity":
        at = datetime.fromtimestamp(float(str(told["at"])), UTC)
        return cls(pid=int(str(told["pid"])), ticks=int(str(told["ticks"])), boot=str(told["boot"]), at=at)

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        now = Identity.of(self.pid) if self.pid else None
        return now is not None and (now.ticks, now.boot) == (self.ticks, self.boot) and _state(self.pid) not in _GONE

    def handle(self) -> int | None:
        """A pidfd of this very process, to be closed by the caller; None when it is gone.

        The order matters: the descriptor first, the proof second. What the descriptor names cannot change any more.
        """
        if not self.pid:
            return None
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if self.alive:
            return descriptor
        os.close(descriptor)
        return None

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this very process; say whether it was there to get it."""
        descriptor = self.handle()
        if descriptor is None:
            return False
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True


def _state(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return stat.rpartition(")")[2].split()[0]
