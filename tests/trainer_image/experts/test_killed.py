"""Killed with SIGKILL in the midst of training, a run of experts comes to the end that it would have come to undisturbed."""

import json
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tandem_trainer.checkpoint.reader import newest

from tests.trainer_image.checkpoint import world
from tests.trainer_image.experts.runs import disk, made_up
from tests.trainer_image.worker.agents import Worker, ended

pytestmark = pytest.mark.slow
STEPS, EVERY, TURNS = 400, 20, 5
PATIENCE_S = 240.0  # for a checkpoint to come on a busy machine; no assertion rests on it


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is learned from."""
    return made_up(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """A run that nobody killed."""
    worker = _worker(tmp_path_factory.mktemp("undisturbed"), source)
    code, printed = worker.run(None)
    assert code == 0, printed
    return worker


@pytest.mark.parametrize(("whom", "memory"), [("rank", {}), ("agent", {}), ("rank", {"disk": 1 << 30})], ids=["rank", "agent", "disk"])
def test_after_sigkill_the_next_attempt_ends_as_if_nothing_had_happened(
    whom: str, memory: dict[str, int], undisturbed: Worker, source: Path, tmp_path: Path
) -> None:
    """Rows, moments, handicaps, trunk and every loss are bit for bit the same; only steps past the last checkpoint are done again.

    On a disk, too, what it held is gone with the process.
    """
    worker = _killed_in_the_midst(whom, source, tmp_path, **memory)
    killed_at, kept = max(_losses(worker)), worker.kept()
    assert EVERY <= kept <= killed_at < STEPS
    code, printed = worker.run(None)
    assert code == 0, printed
    assert worker.steps() == [*range(1, killed_at + 1), *range(kept + 1, STEPS + 1)]
    assert _losses(worker) == _losses(undisturbed)
    assert _state(worker) == _state(undisturbed)
    assert not [*disk(worker.folder).iterdir()]


def _killed_in_the_midst(whom: str, source: Path, folder: Path, **memory: int) -> Worker:
    """One that was killed before its last step; where this test is so slow that it was done first, another one is."""
    for turn in range(TURNS):
        (place := folder / f"{folder.name}-{turn}").mkdir()
        worker = _worker(place, source, **memory)
        worker.environ["TANDEM_EXPERTS"] = str(disk(place))
        process = worker.start(None)
        _await_checkpoint(worker, process)
        with suppress(psutil.NoSuchProcess):
            agent = psutil.Process(process.pid)
            for victim in [agent] if whom == "agent" else _ranks_of(agent):
                victim.kill()
        code, printed = ended(process)
        if max(_losses(worker)) < STEPS:
            assert code == (-signal.SIGKILL if whom == "agent" else 128 + signal.SIGKILL), printed
            return worker
    pytest.fail(f"{TURNS} times it was done before it was killed: give it more steps")


def _worker(folder: Path, source: Path, **memory: int) -> Worker:
    """Sixteen experts, four a slot, with moments that travel along; two of them stay on the device."""
    worker = Worker(folder)
    phase = {"name": "one", "steps": STEPS, "contextLength": 16, "batchSize": 8, "learningRate": 5e-3, "data": {"source": str(source)}}
    worker.spec = {
        "trainer": {
            "kind": "experts",
            "model": {"layers": 1, "width": 32, "heads": 2},
            "mixture": {"count": 16, "innerWidth": 32, "learningRule": "local_adam"},
            "memory": {"expertsPerSlot": 4, "hotSlots": 1, **memory},
        },
        "phases": [phase],
        "checkpoint": {"uri": worker.uri, "everySteps": EVERY},
    }
    return worker


def _await_checkpoint(worker: Worker, process: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not worker.kept():
        assert process.poll() is None or worker.kept(), ended(process)
        assert time.monotonic() < give_up, "no checkpoint came for minutes"
        time.sleep(0.02)


def _ranks_of(agent: psutil.Process) -> list[psutil.Process]:
    return [child for child in agent.children() if "TANDEM_AGENT_FD" in child.environ()]


def _losses(worker: Worker) -> Mapping[int, set[float]]:
    """Every loss that any attempt recorded, by step; there is one where all attempts agree."""
    found: dict[int, set[float]] = defaultdict(set)
    for line in (worker.scratch / "steps.jsonl").read_text().splitlines():
        step: dict[str, Any] = json.loads(line)
        found[step["step"]].add(step["loss"])
    return found


def _state(worker: Worker) -> world.State:
    """What the last checkpoint holds."""
    manifest = newest(worker.store).manifest
    assert manifest is not None
    assert manifest.step == STEPS
    return world.read(worker.store, manifest)
