"""Planner and trainer are packages that never import each other: here it is proved that one reads what the other writes."""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from tandem_operator.api.reading import run_file
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen
from tandem_operator.render.process import Site, process
from tandem_trainer import job

EXAMPLES = {path.stem: run_file.read(path.read_text()) for path in (Path(__file__).parents[2] / "manifests/examples").glob("*.yaml")}
TRAININGS = {name: run for name, run in EXAMPLES.items() if isinstance(run, TrainingRun)}
SITE = Site(python="python", workers=PurePosixPath("/w"), cache=PurePosixPath("/c"), checkpoint_uri="file:///k", rendezvous_port=29400)


def told(run: TrainingRun) -> list[job.Job]:
    """What the agents of the first attempt of a run are told, by their own reading."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    numbered = run.model_copy(update={"status": plan(run, Seen(), now).status})
    return [job.Job.from_environment(process(worker, SITE).environment) for worker in plan(numbered, Seen(), now).start]


@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_every_example_is_understood_by_its_agents(name: str) -> None:
    """One agent for each worker; all of them with the same run, each with a place of its own."""
    run = TRAININGS[name]
    jobs = told(run)
    assert [each.worker_rank for each in jobs] == list(range(run.spec.workers))
    assert {each.run for each in jobs} == {jobs[0].run}
    assert jobs[0].world_size == run.spec.workers * run.spec.ranks_per_worker
    assert jobs[0].run.total_steps == run.spec.total_steps
    assert jobs[0].run.trainer.kind == run.spec.trainer.kind


def test_nothing_that_a_person_set_is_lost_on_the_way() -> None:
    """Every field of the deepspeed trainer, a phase, checkpoints and spikes arrives with a value that is no default."""
    settings = {"zeroStage": 3, "microBatchSize": 2, "precision": "fp32", "gradientClip": 0.5, "activationCheckpointing": True}
    model, optimizer = {"layers": 3, "width": 96, "heads": 6}, {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-7, "weightDecay": 0.2}
    data = {"source": "/text", "include": ["*.c"], "tokenizer": "/t.json", "fillInTheMiddle": 0.25, "seed": 7}
    phase = {"name": "a", "steps": 9, "contextLength": 64, "batchSize": 6, "learningRate": 0.5, "warmupSteps": 2, "schedule": "constant"}
    checkpoint = {"uri": "file:///elsewhere", "everySteps": 3, "everySeconds": 4, "keepLast": 2, "keepBest": False}
    spikes = {"action": "Stop", "window": 32, "sigmas": 3.0}
    spec = {
        "trainer": {"deepspeed": {**settings, "model": model, "optimizer": optimizer}},
        "workers": 3,
        "phases": [{**phase, "data": data}],
        "checkpoint": checkpoint,
        "spikes": spikes,
    }
    written = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "r"}, "spec": spec}
    run = run_file.from_object(written)
    assert isinstance(run, TrainingRun)
    read = told(run)[0].run.model_dump(mode="json", by_alias=True)
    huggingless = {name: value for name, value in read["trainer"]["model"].items() if name not in {"huggingFace", "pretrained"}}
    assert {name: read["trainer"][name] for name in settings} == settings
    assert (huggingless, read["trainer"]["optimizer"]) == (model, optimizer)
    assert read["phases"] == [{**phase, "data": data}]
    assert (read["checkpoint"], read["spikes"]) == (checkpoint, spikes)


def test_nothing_that_a_person_set_of_experts_is_lost_on_the_way() -> None:
    """Every field of the experts trainer arrives with a value that is no default, memory and disk in bytes; they compute in fp32."""
    model, optimizer = {"layers": 3, "width": 96, "heads": 6}, {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-7, "weightDecay": 0.2}
    learning = {"learningRule": "oja", "rate": 7.0, "clip": 0.5, "temperature": 2.0, "balance": 0.25}
    mixture = {"count": 9, "active": 3, "innerWidth": 48, "keysFromTokens": True, "renewEvery": 7, **learning}
    memory = {"streamingSlots": 5, "hotSlots": 2, "expertsPerSlot": 3, "keepActivations": True, "host": "3Gi", "disk": "7Gi"}
    settings = {"gradientClip": 0.5, "activationCheckpointing": True}
    spec = {
        "trainer": {"experts": {"model": model, "mixture": mixture, "memory": memory, "optimizer": optimizer, **settings}},
        "phases": [{"name": "a", "steps": 1}],
        "checkpoint": {"uri": "file:///elsewhere"},
    }
    run = run_file.from_object({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "r"}, "spec": spec})
    assert isinstance(run, TrainingRun)
    read = told(run)[0].run.trainer
    written = read.model_dump(mode="json", by_alias=True)
    assert {name: written["model"][name] for name in model} == model
    assert (written["mixture"], written["optimizer"]) == (mixture, optimizer)
    assert written["memory"] == {**memory, "host": 3 * 2**30, "disk": 7 * 2**30, "folder": "/w/r-1-0"}
    assert {name: written[name] for name in settings} == settings
    assert (read.kind, read.precision) == ("experts", "fp32")
