"""What an attempt is made of, and what its workers are told."""

import json
from dataclasses import replace
from typing import Any

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import wanted
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen, SeenWorker

from .world import START, run_of


def _attempt(number: int, workers: int = 1, **spec: Any) -> TrainingRun:
    run = run_of(workers=workers, **spec)
    return run.model_copy(update={"status": run.status.model_copy(update={"attempt": number, "workers": workers})})


def test_every_worker_is_told_its_place_and_all_are_told_the_same_meeting_point() -> None:
    """Attempt, rank, number of workers and of ranks, and where worker 0 of this very attempt is."""
    first, second = wanted.workers(_attempt(3, workers=2, processesPerWorker=2, trainer={"script": {"path": "train.py"}}))
    assert (first.name, second.name) == ("r-3-0", "r-3-1")
    assert second.environment["TANDEM_WORKER_RANK"] == "1"
    for worker in (first, second):
        told = {name: value for name, value in worker.environment.items() if name not in {"TANDEM_JOB", "TANDEM_WORKER_RANK"}}
        assert told == {
            "TANDEM_ATTEMPT": "3",
            "TANDEM_WORKERS": "2",
            "TANDEM_RANKS_PER_WORKER": "2",
            "TANDEM_RENDEZVOUS": "r-3-0.r-ranks:29400",
        }


def test_the_job_leaves_nothing_to_look_up() -> None:
    """Phases come with their length in steps and with their data; the trainer's settings stand beside its name."""
    run = _attempt(
        1,
        trainer={"deepspeed": {"zeroStage": 3, "microBatchSize": 4}},
        data={"source": "/code"},
        phases=[
            {"name": "short", "tokens": 4097, "batchSize": 8, "contextLength": 128},
            {"name": "long", "steps": 7, "batchSize": 8, "data": {"source": "/more"}},
        ],
    )
    job = json.loads(wanted.job(run))
    assert (job["name"], job["namespace"], job["trainer"]["kind"], job["trainer"]["zeroStage"]) == ("r", "default", "deepspeed", 3)
    assert [(phase["steps"], phase["data"]["source"]) for phase in job["phases"]] == [(5, "/code"), (7, "/more")]
    assert not any("tokens" in phase for phase in job["phases"])
    assert "uri" not in job["checkpoint"]


def test_services_are_named_only_where_the_run_has_some() -> None:
    """Memory and telemetry of the run itself; a site may add its own telemetry later."""
    run = _attempt(1, memory={"address": "m:7001", "namespace": "team"}, telemetry={"address": "t:7002"})
    told = wanted.workers(run)[0].environment
    assert (told["TANDEM_MEMORY"], told["TANDEM_MEMORY_NAMESPACE"], told["TANDEM_TELEMETRY"]) == ("m:7001", "team", "t:7002")
    assert not {"TANDEM_MEMORY", "TANDEM_TELEMETRY"} & set(wanted.workers(_attempt(1))[0].environment)


def test_an_attempt_waits_until_the_last_worker_of_another_is_gone() -> None:
    """A straggler of attempt 1 is asked to leave, and keeps attempt 2 from starting."""
    run = _attempt(2)
    straggler = SeenWorker(name="r-1-0", attempt=1, rank=0, since=START)
    assert wanted.missing(run, Seen(workers=(straggler,)), START) == ()
    assert wanted.unwanted(run, Seen(workers=(straggler,))) == ("r-1-0",)
    assert [worker.name for worker in wanted.missing(run, Seen(), START)] == ["r-2-0"]


def test_a_number_that_was_ever_seen_is_never_given_again() -> None:
    """A run whose status was lost asks whom it finds to leave, and goes on with a number above all that it found."""
    found = SeenWorker(name="r-7-0", attempt=7, rank=0, since=START)
    made = plan(run_of(), Seen(workers=(found,)), START)
    assert (made.stop, made.start, made.status.attempt) == (("r-7-0",), (), 0)
    left = replace(found, exit_code=143, until=START)
    assert plan(run_of(), Seen(workers=(left,)), START).status.attempt == 8
