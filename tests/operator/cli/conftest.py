"""`tandem` as people meet it: a real process, a state folder of its own, and the stand-in agent as its workers."""

import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

STAND_IN = Path(__file__).parent.parent / "local" / "stand_in_agent.py"
TANDEM = str(Path(sys.executable).with_name("tandem"))
PATIENCE_S = 300  # what takes seconds on an idle machine


class Desk:
    """A person's place: a folder, an environment, and the command."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TANDEM", "STANDIN"))},
            "TANDEM_STATE": str(self.state),
            "TANDEM_CACHE": str(path / "cache"),
            "TANDEM_PYTHON": str(self._python()),
            "TANDEM_PASS": "STANDIN_*",
            "TERM": "xterm",
            "COLUMNS": "120",
        }
        self.started: list[subprocess.Popen[str]] = []

    def file(self, name: str = "demo", **spec: object) -> Path:
        """A run file; fields given replace those of a run that takes a second."""
        whole = {
            "trainer": {"deepspeed": {}},
            "phases": [{"name": "warmup", "steps": 20}, {"name": "pretrain", "steps": 80}],
            "restart": {"backoff": {"first": "1s", "longest": "1s"}},
            "telemetry": {"address": "127.0.0.1:9"},  # nobody is there: reports are not what these tests are about
            **spec,
        }
        whole = {field: value for field, value in whole.items() if value is not None}
        path = self.path / f"{name}.yaml"
        document = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name}, "spec": whole}
        path.write_text(yaml.safe_dump(document))
        return path

    def tandem(self, *words: object, standin: Mapping[str, object] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        environ = self.environ | _told(standin)
        command = [TANDEM, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=self.path, timeout=PATIENCE_S, check=False)

    def start(
        self, *words: object, standin: Mapping[str, object] | None = None, ignoring: signal.Signals | None = None
    ) -> subprocess.Popen[str]:
        """Start the command; a signal may be ignored from the start, as nohup does it."""
        process = subprocess.Popen(
            [TANDEM, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environ | _told(standin),
            cwd=self.path,
            preexec_fn=(lambda: signal.signal(ignoring, signal.SIG_IGN)) if ignoring else None,  # noqa: PLW1509 - no threads here
        )
        self.started.append(process)
        return process

    def go(self, name: str = "demo") -> None:
        """Let a worker go on that stands still (HOLD_AFTER), and all that come after it."""
        (self.state / "runs" / name / "go").touch()

    def starts(self, name: str = "demo") -> list[str]:
        """The worker processes that there ever were, by name."""
        path = self.state / "runs" / name / "starts"
        return path.read_text().split() if path.exists() else []

    def steps(self, worker: str) -> int:
        """How many steps a worker has recorded."""
        path = self.state / "runs" / worker.rsplit("-", 2)[0] / "workers" / worker / "steps.jsonl"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def close(self) -> None:
        """End every process that was started from here, directly or not."""
        for process in self.started:
            process.kill()
            process.wait()
        for pid in self.processes():
            with suppress(ProcessLookupError):  # gone a moment ago
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> Iterator[int]:
        """Every process that was started from here and lives."""
        return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._ours(entry))

    def _ours(self, entry: Path) -> bool:
        try:
            return str(self.state).encode() in (entry / "environ").read_bytes()
        except OSError:
            return False

    def _python(self) -> Path:
        """What stands in for the Python that has the trainer: it runs the stand-in, whatever it is asked for."""
        path = self.path / "python"
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
        path.chmod(0o755)
        return path


def left(process: "subprocess.Popen[str]") -> str:
    """What a command has said, once it has ended."""
    return process.communicate(timeout=PATIENCE_S)[0]


def _told(standin: Mapping[str, object] | None) -> dict[str, str]:
    return {f"STANDIN_{name.upper()}": str(value) for name, value in (standin or {}).items()}


def bare_python(folder: Path) -> Path:
    """A Python that has nothing but its own library."""
    venv.create(folder / "bare", symlinks=True)
    return folder / "bare" / "bin" / "python"


def until(true: Callable[[], object]) -> None:
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk of one's own."""
    mine = Desk(tmp_path)
    yield mine
    mine.close()


@pytest.fixture(name="until")
def _until() -> Callable[[Callable[[], object]], None]:
    return until
