"""A person's home with Tandem in it: runs started as a person starts them, looked at from outside, killed without mercy."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

TANDEM = Path(sys.executable).with_name("tandem")
PATIENCE_S = 600.0  # for anything at all to happen on a busy machine; no assertion rests on it


@dataclass(frozen=True, kw_only=True)
class Home:
    """State, cache and environment of one test."""

    path: Path
    cache: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        """A person's environment, pointed at this home."""
        ours = {"TANDEM_STATE": str(self.path / "state"), "TANDEM_CACHE": str(self.cache), "COLUMNS": "160", "OMP_NUM_THREADS": "1"}
        return {**os.environ, **ours, **self.extra}

    def write(self, spec: Mapping[str, Any], name: str = "run") -> Path:
        """A run file."""
        path = self.path / f"{name}.yaml"
        run = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name}, "spec": dict(spec)}
        path.write_text(yaml.safe_dump(run))
        return path

    def tandem(self, *arguments: str | Path, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Call `tandem` and wait."""
        command = [str(TANDEM), *map(str, arguments)]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=timeout_s, check=False)

    def start(self, file: Path) -> subprocess.Popen[bytes]:
        """`tandem run FILE`, in the background, in a process group of its own."""
        log = (self.path / "tandem.log").open("ab")
        return subprocess.Popen([str(TANDEM), "run", str(file)], env=self.environ, stdout=log, stderr=log, start_new_session=True)

    def folder(self, name: str = "run") -> Path:
        """Where the run is kept."""
        return self.path / "state" / "runs" / name

    def status(self, name: str = "run") -> dict[str, Any]:
        """The status, as `tandem status` gives it."""
        return json.loads(self.tandem("status", name, "-o", "json").stdout)["status"]

    def losses(self, name: str = "run") -> dict[int, list[float]]:
        """Every loss that any attempt recorded, by step."""
        found: dict[int, list[float]] = defaultdict(list)
        for path in sorted(self.folder(name).glob("workers/*/steps.jsonl")):
            for line in path.read_text().splitlines(keepends=True):
                if line.endswith("\n"):
                    step = json.loads(line)
                    found[step["step"]].append(step["loss"])
        return found

    def agents(self, name: str = "run") -> list[psutil.Process]:
        """The agents that live."""
        return _processes(lambda process: "tandem_trainer.agent" in process.cmdline() and self._belongs(process, name))

    def ranks(self, name: str = "run") -> list[psutil.Process]:
        """The training processes that live."""
        return _processes(lambda process: "TANDEM_AGENT_FD" in process.environ() and self._belongs(process, name))

    def _belongs(self, process: psutil.Process, name: str) -> bool:
        return process.environ().get("TANDEM_SCRATCH", "").startswith(f"{self.folder(name)}/")

    def log(self) -> str:
        """What `tandem run` and the workers said: for the message of a test that fails."""
        logs = [self.path / "tandem.log", *sorted(self.folder().glob("workers/*/log"))]
        return "\n".join(f"--- {path}\n{path.read_text()[-3000:]}" for path in logs if path.exists())

    def sweep(self) -> None:
        """End what a test left running here: whoever was told of a place in it."""
        state = str(self.path / "state")
        kill(_processes(lambda process: process.pid != os.getpid() and any(state in told for told in process.environ().values())))


def kill(processes: list[psutil.Process]) -> None:
    """SIGKILL; who is gone already does not mind."""
    for process in processes:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


def until(happened: Callable[[], bool], *, every_s: float = 0.05) -> None:
    """Return once it has happened; a test that waits in vain fails."""
    give_up = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < give_up, "nothing happened for minutes"
        time.sleep(every_s)


def _processes(wanted: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """The processes of this machine that are `wanted`; one that ends while it is looked at is not."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if wanted(process):
                found.append(process)
    return found
