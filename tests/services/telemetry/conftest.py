"""Reports to feed it with, and the real service as a process that may be killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tandem.telemetry.v1.telemetry_pb2 import Source, WorkerReport

from tests.parts.running import free_port

_PATIENCE_S = 300  # a slow machine is no failure


@pytest.fixture(scope="session")
def make() -> Callable[..., WorkerReport]:
    """Makes a report of second `at` of run team/run; every other field as given."""

    def making(at: int = 1, *, run: str = "run", attempt: int = 1, uid: str = "", **fields: Any) -> WorkerReport:
        report = WorkerReport(source=Source(namespace="team", run=run, attempt=attempt, uid=uid), **fields)
        report.at.FromSeconds(at)
        return report

    return making


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits for something that other threads or processes will make true; how long it takes is not what is tested."""

    def waiting(true: Callable[[], object]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, f"still not so after {_PATIENCE_S} s"
            time.sleep(0.01)

    return waiting


class Sink:
    """The service as a process; started again it listens where it did before."""

    def __init__(self, folder: Path) -> None:
        self.address_file, self.token_file, self.log = folder / "address", folder / "token", folder / "log"
        self.token_file.write_text("sesame\n")
        listen = f"127.0.0.1:{free_port()}"
        self.settings = {"ADDRESS_FILE": str(self.address_file), "TOKEN_FILE": str(self.token_file), "LISTEN": listen}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: object) -> "Sink":
        self.address_file.unlink(missing_ok=True)
        self.settings |= {name: str(value) for name, value in settings.items()}
        environment = {**os.environ, **{f"TANDEM_TELEMETRY_{name}": value for name, value in self.settings.items()}}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "tandem_telemetry"], env=environment, stderr=log)
        deadline = time.monotonic() + _PATIENCE_S
        while not self.address_file.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)
        return self

    @property
    def address(self) -> str:
        return json.loads(self.address_file.read_text())["grpc"]

    def get(self, path: str) -> str:
        with urlopen(f"http://{json.loads(self.address_file.read_text())['metrics']}{path}") as answer:
            return answer.read().decode()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def terminate(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(_PATIENCE_S)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    """A service that is ready to be started."""
    made = Sink(tmp_path)
    yield made
    made.kill()
