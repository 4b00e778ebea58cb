"""Small training runs in processes of their own."""

import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tandem_trainer.data import prepare
from tandem_trainer.job import Data

_WORDS = ("rank", "step", "phase", "shard", "token", "slice", "worker", "manifest")
RANK = Path(__file__).with_name("rank.py")


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Token shards of a made-up program, the same in every run of the tests."""
    folder, drawn = tmp_path_factory.mktemp("source"), random.Random(0)
    for number in range(20):
        lines = (f"{drawn.choice(_WORDS)}_{drawn.randrange(9)} = {drawn.choice(_WORDS)}({drawn.randrange(99)})\n" for _ in range(60))
        (folder / f"{number}.py").write_text("".join(lines))
    return prepare.ensure(Data(source=str(folder)), tmp_path_factory.mktemp("shards"))


def run(*, stage: int, precision: str = "bf16", phases: list[dict[str, Any]] | None = None, **trainer: Any) -> dict[str, Any]:
    """A run of a model with odd sizes, so that no partition ends where a weight does."""
    phase = {"name": "one", "steps": 40, "contextLength": 24, "batchSize": 8, "learningRate": 3e-3, "schedule": "constant"}
    settings = {"zeroStage": stage, "precision": precision, "microBatchSize": 2, "model": {"layers": 2, "width": 42, "heads": 3}}
    return {
        "name": "small",
        "trainer": {"kind": "deepspeed", **settings, **trainer},
        "phases": phases or [phase],
        "checkpoint": {"uri": "file:///unused"},
    }


Launch = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def launch(shards: Path, tmp_path: Path) -> Launch:
    """Make runs, one behind the other, on so many ranks; what rank 0 reported of each."""
    launches = iter(range(1000))

    def start(ranks: int, *runs: dict[str, Any]) -> list[dict[str, Any]]:
        told = [{"shards": [str(shards)] * len(each["run"]["phases"]), "first": 0, **each} for each in runs]
        out = tmp_path / f"launch-{next(launches)}"
        out.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        common = {
            "WORLD_SIZE": ranks,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "OMP_NUM_THREADS": 1,
            "GLOO_SOCKET_IFNAME": "lo",
            "HF_HUB_OFFLINE": 1,
        }
        processes = [_start([json.dumps(told), str(out)], {**common, "RANK": rank, "LOCAL_RANK": rank}) for rank in range(ranks)]
        try:
            printed = [process.communicate(timeout=900)[0] for process in processes]
        finally:
            for process in processes:
                process.kill()
        assert [process.returncode for process in processes] == [0] * ranks, "\n".join(printed)
        assert not "".join(printed), f"a rank has nothing to say, but said {printed}"
        return json.loads((out / "0.json").read_text())

    return start


def _start(arguments: list[str], environment: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(RANK), *arguments],
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
