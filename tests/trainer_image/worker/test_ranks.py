"""What a rank is told of the machine that it is on."""

from pathlib import Path

import pytest
from tandem_trainer.job import Job
from tandem_trainer.worker import ranks

from tests.trainer_image.worker.test_reporting import environment


@pytest.mark.parametrize(("said", "told"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_sleep_unless_somebody_says_otherwise(
    said: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By OpenMP's own rule they spin first, and on a machine that others use, too, whom they wait for does not get on."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", said)
    place = ranks._place(Job.from_environment(environment(tmp_path, "127.0.0.1:1")), 0, 0)
    assert place["OMP_WAIT_POLICY"] == told
