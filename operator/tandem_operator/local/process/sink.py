"""The report sink of a run on this machine: a telemetry service of its own, kept alive for as long as the run is.

It is a session of its own like a worker, so that reports go on when the owner dies; it leaves by itself when nobody has spoken or
listened for a while. Its port is chosen before it is started: workers start at the same time and find it when it is ready.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tandem_operator.local.state import durable

from . import launch, ports
from .environment import passed
from .identity import Identity

_IDLE_EXIT_S = 900
_RESTART_EVERY_S = 5.0
_LEAVING_S = 5.0


class Sink:
    """The telemetry service of one run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = float("-inf")

    @property
    def address(self) -> str:
        """host:port of its gRPC server; the same for the life of the run, however often it is restarted."""
        return f"127.0.0.1:{ports.kept(self._folder / 'port.json', 'telemetry')}"

    @property
    def token_file(self) -> Path:
        """The file with the token that it wants, readable by nobody else."""
        return self._folder / "token"

    def prepare(self) -> None:
        """Have the token ready, which workers are started with."""
        self._folder.mkdir(exist_ok=True)
        if not self.token_file.exists():
            durable.write(self.token_file, secrets.token_urlsafe(32), mode=0o600)

    def keep(self, environ: Mapping[str, str] = os.environ) -> None:
        """See to it that it runs; a service that dies at once is not started again at once."""
        self.prepare()
        if self._alive() or time.monotonic() - self._started_at < _RESTART_EVERY_S:
            return
        self._started_at = time.monotonic()
        self._claim.unlink(missing_ok=True)
        self._start(environ)

    def stop(self) -> None:
        """End it: nothing more will be reported. One that is still starting finds its claim taken, and leaves."""
        if not self._folder.is_dir():
            return
        launch.claim(self._claim, launch.NOBODY | {"at": time.time()})
        known = Identity.read(self._claim)
        if known and known.send(signal.SIGTERM):
            deadline = time.monotonic() + _LEAVING_S
            while known.alive and time.monotonic() < deadline:
                time.sleep(0.02)
            known.send(signal.SIGKILL)
        self._reap()
        with suppress(FileNotFoundError):
            (self._folder / "address.json").unlink()

    @property
    def _claim(self) -> Path:
        return self._folder / "pid"

    def _alive(self) -> bool:
        if self._child is not None and self._child.poll() is None:
            return True
        known = Identity.read(self._claim)
        return known is not None and known.alive

    def _start(self, environ: Mapping[str, str]) -> None:
        settings = {
            "TANDEM_TELEMETRY_LISTEN": self.address,
            "TANDEM_TELEMETRY_METRICS_LISTEN": "127.0.0.1:0",
            "TANDEM_TELEMETRY_TOKEN_FILE": str(self.token_file),
            "TANDEM_TELEMETRY_ADDRESS_FILE": str(self._folder / "address.json"),
            "TANDEM_TELEMETRY_IDLE_EXIT_SECONDS": str(_IDLE_EXIT_S),
        }
        command = [sys.executable, "-I", "-S", launch.__file__, str(self._claim), sys.executable, "-m", "tandem_telemetry"]
        with (self._folder / "log").open("ab") as log, suppress(OSError):
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**passed(environ), **settings},
                cwd=self._folder,
                start_new_session=True,
            )

    def _reap(self) -> None:
        """Its time to leave is over, or it never came so far as to say who it is."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
