"""Whatever line a shell dies at, the next one goes on from there."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.local.process import kin
from tandem_operator.local.process.folder import folders as worker_folders
from tandem_operator.local.state.run_folder import RunFolder

DRIVER = Path(__file__).parent / "killed_shell.py"
PATIENT = {"maxFailures": 1000, "maxNoProgress": 1000, "backoff": {"first": "1s", "longest": "1s"}}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("python")
def test_a_shell_killed_at_random_lines_starts_each_worker_once_and_brings_the_run_to_its_end(
    folders: Callable[..., RunFolder], seed: int
) -> None:
    """30 kills of the shell and a few of workers: Succeeded, no name started twice, no two attempts at once, all put on record."""
    folder = folders(workers=2, restart=PATIENT, trainer={"deepspeed": {"microBatchSize": 1}})
    driven = subprocess.run(
        [sys.executable, DRIVER, folder.path, str(seed), "30"],
        env=os.environ | {"STANDIN_STEP_S": "0.03"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    print(driven.stdout)
    assert driven.returncode == 0, driven.stdout + driven.stderr
    assert folder.status().phase is RunPhase.SUCCEEDED
    starts = (folder.path / "starts").read_text().split()
    assert len(starts) == len(set(starts))
    workers = worker_folders(folder.workers)
    assert all(worker.ended() for worker in workers)
    assert not [process for worker in workers for process in kin.of(worker.path)]
    _one_attempt_at_a_time(folder)


def _one_attempt_at_a_time(folder: RunFolder) -> None:
    """The first step of an attempt comes after the last step of the one before."""
    spans: dict[int, list[float]] = {}
    for worker in worker_folders(folder.workers):
        lines = worker.steps.read_text().splitlines() if worker.steps.exists() else []
        spans.setdefault(worker.name.attempt, []).extend(json.loads(line)["at"] for line in lines)
    trained = [times for _, times in sorted(spans.items()) if times]
    assert all(max(before) <= min(after) for before, after in pairwise(trained))
