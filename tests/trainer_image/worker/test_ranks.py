"""What a rank is told of the machine that it is on."""

from pathlib import Path

import pytest
from tandem_trainer.job import Job
from tandem_trainer.worker import ranks

from tests.trainer_image.worker.test_reporting import environment


@pytest.mark.parametrize(("said", "told"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_sleep_unless_somebody_says_otherwise(said: str | None, told: str, tmp_path: Path) -> None:
    """By OpenMP's own rule they spin first, and on a machine that others use, too, whom they wait for does not get on."""
    environ = {} if said is None else {"OMP_WAIT_POLICY": said}
    place = ranks._place(Job.from_environment(environment(tmp_path, "127.0.0.1:1")), 0, 0, environ)
    assert place["OMP_WAIT_POLICY"] == told


@pytest.mark.parametrize(
    ("environ", "cards"),
    [
        ({}, ["0,1", "2,3"]),
        ({"CUDA_VISIBLE_DEVICES": "4,5,GPU-6,7"}, ["4,5", "GPU-6,7"]),
        ({"HIP_VISIBLE_DEVICES": "1,0,3,2"}, ["1,0", "3,2"]),
        ({"CUDA_VISIBLE_DEVICES": "4,5,6"}, ["4,5", "6"]),  # of which the second worker says that they are too few
    ],
)
def test_workers_on_one_machine_share_out_its_cards(environ: dict[str, str], cards: list[str], tmp_path: Path) -> None:
    """Or those of them that a person has named, by whichever of the two names."""
    for worker, own in enumerate(cards):
        told = Job.from_environment(environment(tmp_path, "127.0.0.1:1", RENDEZVOUS="127.0.0.1:2"))
        job = told.model_copy(update={"worker_rank": worker, "run": told.run.model_copy(update={"gpus_per_worker": 2})})
        place = ranks._place(job, worker, 0, environ)
        assert {place[name] for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")} == {own}
