"""A run's folder, and the stand-in agent for its workers."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.state import wanted
from tandem_operator.local.state.run_folder import RunFolder

STAND_IN = Path(__file__).parent / "stand_in_agent.py"
NOBODY = "127.0.0.1:9"


def training_run(name: str = "demo", **spec: object) -> TrainingRun:
    """A small run; fields given replace its own."""
    whole = {
        "trainer": {"deepspeed": {}},
        "phases": [{"name": "warmup", "steps": 20}, {"name": "pretrain", "steps": 80}],
        "restart": {"backoff": {"first": "1s", "longest": "1s"}},
        "telemetry": {"address": NOBODY},
        **spec,
    }
    run = from_object({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": name}, "spec": whole})
    assert isinstance(run, TrainingRun)
    return run


@pytest.fixture(name="training_run")
def _training_run() -> Callable[..., TrainingRun]:
    return training_run


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands in for the Python that has the trainer."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("TANDEM_PYTHON", str(path))
    monkeypatch.setenv("TANDEM_PASS", "STANDIN_*")
    monkeypatch.setenv("TANDEM_CACHE", str(tmp_path / "cache"))
    return path


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Callable[..., RunFolder]]:
    """Makes the folder of a run that is wanted; whatever was started in it is ended with the test."""

    def made(name: str = "demo", **spec: object) -> RunFolder:
        folder = RunFolder(tmp_path / "runs" / name)
        wanted.apply_file(folder, training_run(name, **spec), datetime.now(UTC))
        return folder

    yield made
    mark = str(tmp_path).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()) and _marked(entry, mark):
            with suppress(ProcessLookupError):  # gone a moment ago
                os.kill(int(entry.name), signal.SIGKILL)


def _marked(entry: Path, mark: bytes) -> bool:
    try:
        return b"TANDEM_SCRATCH=" + mark in (entry / "environ").read_bytes()
    except OSError:
        return False
