"""A worker that is asked to leave while the store is away: its last checkpoint is worth all of its grace period."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.parts.minio_server import serving
from tests.trainer_image.worker.agents import Worker, ended, until

GRACE_S = 16  # a rank that does nothing is killed before it is over


@pytest.mark.slow
@pytest.mark.needs_part("minio")
def test_a_last_checkpoint_waits_for_a_store_that_comes_back(tmp_path: Path, minio_program: Path) -> None:
    """The rank has no room for it before an earlier one is saved, and does not hang while it waits for that."""
    worker, drive = Worker(tmp_path), tmp_path / "drive"
    with ExitStack() as first:
        server = first.enter_context(serving(minio_program, drive, tmp_path / "log"))
        worker.uri = f"s3://{server.new_bucket()}/run"
        worker.environ = {**server.environ, "HOLD_BEFORE": "10", "TANDEM_GRACE_SECONDS": str(GRACE_S)}
        worker.spec = {"phases": [{"name": "a", "steps": 100_000}], "checkpoint": {"uri": worker.uri, "everySteps": 5}}
        process = worker.start()
        until(process, "step 9\n")
    worker.go()
    until(process, "step 40\n")
    process.terminate()
    time.sleep(1.1 * GRACE_S)
    assert process.poll() is None, ended(process)
    with serving(minio_program, drive, tmp_path / "log", again=server):
        code, printed = ended(process)
        assert code == 143, printed
        assert worker.kept() == worker.steps()[-1] >= 40
