"""The real service as a process that may be killed; started again it finds its store, and listens where it did before."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.parts.running import free_port

_PATIENCE_S = 300  # a slow machine is no failure


class Service:
    """`python -m tandem_memory`, with settings of its own.

    Attributes:
        address: Where it listens, once it was started.
        log: What it says.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        self._address_file = folder / "address"
        self._settings = {"FOLDER": str(folder / "store"), "ADDRESS_FILE": str(self._address_file), "LISTEN": f"127.0.0.1:{free_port()}"}
        self._settings |= {name: str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> "Service":
        """Return when it is ready."""
        self._address_file.unlink(missing_ok=True)
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("TANDEM_")}
        ours = {f"TANDEM_MEMORY_{name}": value for name, value in self._settings.items()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "tandem_memory"], env=theirs | ours, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE_S
        while not self._address_file.exists():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)
        self.address = json.loads(self._address_file.read_text())["grpc"]
        return self

    def signal(self, number: int) -> None:
        """Send it a signal, such as one that stops it for a while."""
        assert self._process is not None
        self._process.send_signal(number)

    def own_memory_bytes(self) -> int:
        """What is its own, without the mapped pages of its store."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) * 1024

    def close(self) -> None:
        """Kill it; what `closing` calls."""
        self.kill()

    def kill(self) -> None:
        """SIGKILL: it gets to do nothing more."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
