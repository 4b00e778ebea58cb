"""Small training runs in processes of their own."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tandem_trainer.data import prepare
from tandem_trainer.job import Data

_WORDS = ("rank", "step", "phase", "shard", "token", "slice", "worker", "manifest")
HERE = Path(__file__).parent
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "HF_HUB_OFFLINE": "1"}


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
Ranks = Callable[[list[dict[str, Any]], Path, list[dict[str, str]]], None]


@pytest.fixture
def launch(nursery: Ranks, shards: Path, tmp_path: Path) -> Launch:
    """Make runs, one behind the other, on so many ranks; what rank 0 reported of each."""
    return _launching(nursery, shards, tmp_path)


@pytest.fixture
def launch_anew(shards: Path, tmp_path: Path) -> Launch:
    """The same by ranks that load their libraries themselves."""
    return _launching(_from_the_start, shards, tmp_path)


def _launching(made: Ranks, shards: Path, folder: Path) -> Launch:
    launches = iter(range(1000))

    def start(ranks: int, *runs: dict[str, Any]) -> list[dict[str, Any]]:
        told = [{"shards": [str(shards)] * len(each["run"]["phases"]), "first": 0, **each} for each in runs]
        out = folder / f"launch-{next(launches)}"
        out.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        common = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        made(told, out, [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(ranks)])
        printed = "".join(path.read_text() for path in sorted(out.glob("printed-*")))
        assert not printed, f"a rank has nothing to say, but said {printed}"
        return json.loads((out / "0.json").read_text())

    return start


@pytest.fixture(scope="session")
def nursery() -> Iterator[Ranks]:
    """Where ranks are born that have loaded their libraries."""
    command = [sys.executable, str(HERE / "nursery.py")]
    with subprocess.Popen(
        command, env=os.environ | ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def made(told: list[dict[str, Any]], out: Path, ranks: list[dict[str, str]]) -> None:
            print(json.dumps({"runs": told, "out": str(out), "ranks": ranks}), file=process.stdin, flush=True)
            _all_well(json.loads(process.stdout.readline()), out)

        try:
            yield made
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _from_the_start(told: list[dict[str, Any]], out: Path, ranks: list[dict[str, str]]) -> None:
    processes = [_start([json.dumps(told), str(out)], environment, out / f"printed-{number}") for number, environment in enumerate(ranks)]
    try:
        codes = [process.wait(timeout=900) for process in processes]
    finally:
        for process in processes:
            process.kill()
    _all_well(codes, out)


def _start(arguments: list[str], environment: dict[str, str], said: Path) -> subprocess.Popen[bytes]:
    with said.open("w") as file:
        command = [sys.executable, str(HERE / "rank.py"), *arguments]
        return subprocess.Popen(command, env=os.environ | ENVIRONMENT | environment, stdout=file, stderr=subprocess.STDOUT)


def _all_well(codes: list[int], out: Path) -> None:
    printed = "\n".join(path.read_text() for path in sorted(out.glob("printed-*")))
    assert not any(codes), f"exit codes {codes}: {printed}"
