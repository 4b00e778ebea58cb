"""What may change in a run that is there: a run file handed in again and an edit on a cluster are refused alike."""

from typing import Any

import pytest
from tandem_operator.api.reading.change import check_change
from tandem_operator.api.reading.run_file import SpecError, from_object
from tandem_operator.api.training_run import TrainingRun

from tests.operator.api.api_server import ApiServer


def changed(run: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**run, "spec": {**run["spec"], **spec}}


RUN = {
    "apiVersion": "tandem.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "a"},
    "spec": {
        "trainer": {"script": {"path": "x.py"}},
        "phases": [{"name": "one", "steps": 1, "data": {"seed": 1}}],
        "checkpoint": {"uri": "s3://bucket/a"},
    },
}
PLACE = "s3://site/ns/a/uid"
CHECKPOINT = {"step": 5, "uri": f"{PLACE}/manifests/000001-000000000005.json", "at": "2026-01-01T00:00:00Z"}
CHANGES = {
    "nothing": (RUN, 0),
    "more steps": (changed(RUN, phases=[{"name": "one", "steps": 9, "data": {"seed": 1}}, {"name": "two", "steps": 1}]), 0),
    "another trainer": (changed(RUN, trainer={"deepspeed": {"microBatchSize": 1}}), 1),
    "another store": (changed(RUN, checkpoint={"uri": "s3://bucket/b"}), 1),
    "no store": (changed(RUN, checkpoint={}), 1),
    "another seed": (changed(RUN, data={"seed": 2}), 1),
    "another tokenizer": (changed(RUN, data={"tokenizer": "/t.json"}), 1),
    "another seed of a phase": (changed(RUN, phases=[{"name": "two", "steps": 1}, {"name": "one", "steps": 1, "data": {"seed": 2}}]), 1),
}


BEGUN = {**RUN, "status": {"attempt": 1}}
SIZED = changed(BEGUN, trainer={"deepspeed": {"model": {"layers": 4, "width": 128, "heads": 4}}})
MODELS = {
    "the same": (SIZED, 0),
    "another micro-batch": (
        changed(SIZED, trainer={"deepspeed": {"microBatchSize": 2, "model": {"layers": 4, "width": 128, "heads": 4}}}),
        0,
    ),
    "wider": (changed(SIZED, trainer={"deepspeed": {"model": {"layers": 4, "width": 256, "heads": 4}}}), 1),
    "wider and deeper": (changed(SIZED, trainer={"deepspeed": {"model": {"layers": 8, "width": 256, "heads": 4}}}), 1),
    "by name": (changed(SIZED, trainer={"deepspeed": {"model": {"layers": 4, "width": 128, "heads": 4, "huggingFace": "gpt2"}}}), 1),
}


@pytest.mark.parametrize("model", MODELS)
def test_both_refuse_another_model_in_one_line(training_runs: ApiServer, model: str) -> None:
    """Its checkpoints could not be read; whatever else DeepSpeed is told may change."""
    new, refusals = MODELS[model]
    assert len(training_runs.refusals(new, SIZED)) == refusals
    old_run, new_run = from_object(SIZED), from_object(new)
    assert isinstance(old_run, TrainingRun)
    assert isinstance(new_run, TrainingRun)
    if not refusals:
        check_change(old_run, new_run)
        return
    with pytest.raises(SpecError, match=r"spec\.trainer\.deepspeed\.model: .+ cannot become .+: keep it") as refused:
        check_change(old_run, new_run)
    assert len(refused.value.problems) == refusals


MIXED = changed(BEGUN, trainer={"experts": {"mixture": {"count": 32}, "model": {"width": 128}}})
MIXTURES = {
    "the same": ({}, None),
    "other memory, rate and clip": ({"mixture": {"rate": 3.0, "clip": 2.0, "balance": 0.1}, "memory": {"hotSlots": 1}}, None),
    "more experts": ({"mixture": {"count": 64}}, ("mixture", "count 32", "count 64")),
    "fewer at work": ({"mixture": {"active": 1}}, ("mixture", "active 2", "active 1")),
    "larger ones": ({"mixture": {"innerWidth": 512}}, ("mixture", "innerWidth 256", "innerWidth 512")),
    "another rule": ({"mixture": {"learningRule": "oja"}}, ("mixture", "learningRule responsibility", "learningRule oja")),
    "a deeper trunk": ({"model": {"layers": 4}}, ("model", "layers 2", "layers 4")),
    "a wider trunk": ({"model": {"width": 256}}, ("model", "width 128", "width 256")),
    "other heads": ({"model": {"heads": 2}}, ("model", "heads 4", "heads 2")),
}


@pytest.mark.parametrize("mixture", MIXTURES)
def test_both_refuse_other_experts_by_field_and_both_values(training_runs: ApiServer, mixture: str) -> None:
    """What they have learned would not fit; how fast they learn, and where they wait, may change."""
    experts, told = MIXTURES[mixture]
    new = changed(MIXED, trainer={"experts": experts})
    refusals = training_runs.refusals(new, MIXED)
    old_run, new_run = TrainingRun.model_validate(MIXED), TrainingRun.model_validate(new)
    if told is None:
        assert not refusals
        check_change(old_run, new_run)
        return
    place, was, becomes = told
    with pytest.raises(SpecError) as refused:
        check_change(old_run, new_run)
    for (line,) in (refusals, refused.value.problems):
        assert f"spec.trainer.experts.{place}: " in line
        assert f"{was} cannot become {becomes}: " in line
        assert "start a run of another name" in line


@pytest.mark.parametrize("change", CHANGES)
def test_both_refuse_the_same_changes(training_runs: ApiServer, change: str) -> None:
    """What checkpoints and the order of data depend on cannot change in a run that has begun; the rest can."""
    new, refusals = CHANGES[change]
    _both_refuse(training_runs, {**RUN, "status": {"attempt": 1}}, new, refusals)


LEARNING = changed(
    BEGUN,
    data={"tokenizer": "/t.json", "seed": 7},
    phases=[{"name": "one", "steps": 1}, {"name": "two", "steps": 1, "data": {"tokenizer": "/t.json", "seed": 7, "source": "/x"}}],
)
OWN = {"tokenizer": "/t.json", "seed": 7}
SAMPLES = {
    "data of its own, all but the source left out": (
        [{"data": {"source": "/y"}}, {"data": OWN}],
        {"seed": "7 -> 0", "tokenizer": '"/t.json" -> "bytes"'},
    ),
    "data of its own with another seed": ([{"data": {**OWN, "seed": 8}}, {"data": OWN}], {"seed": "7 -> 8"}),
    "data of its own with another tokenizer": (
        [{"data": {**OWN, "tokenizer": "/u.json"}}, {"data": OWN}],
        {"tokenizer": '"/t.json" -> "/u.json"'},
    ),
    "another seed where it had data": ([{}, {"data": {**OWN, "seed": 1}}], {"seed": "7 -> 1"}),
    "data of its own with the same order and meaning": ([{"data": {**OWN, "source": "/y"}}, {"data": OWN}], {}),
    "no data of its own any more": ([{}, {}], {}),
}


@pytest.mark.parametrize("samples", SAMPLES)
def test_both_compare_the_data_that_counts_for_a_phase(training_runs: ApiServer, samples: str) -> None:
    """Its own, which takes the place of the run's as a whole, or the run's: a phase that gets or loses data of its own is compared, too."""
    data, told = SAMPLES[samples]
    phases = [{"name": name, "steps": 1, **own} for name, own in zip(("one", "two"), data, strict=True)]
    new = changed(LEARNING, phases=phases)
    _both_refuse(training_runs, LEARNING, new, len(told))
    lines = training_runs.refusals(new, LEARNING)
    for field, values in told.items():
        was, becomes = values.split(" -> ")
        assert sum(f"{field} of phase " in line and f": {was} cannot become {becomes}: " in line for line in lines) == 1
    if told:
        with pytest.raises(SpecError, match=r"spec\.phases\[[01]\]\.data\.(seed|tokenizer): .+ cannot become .+: keep it"):
            check_change(TrainingRun.model_validate(LEARNING), TrainingRun.model_validate(new))


def test_both_refuse_that_a_phase_loses_data_with_another_seed(training_runs: ApiServer) -> None:
    """What it inherits from then on is not what it had."""
    _both_refuse(training_runs, BEGUN, changed(BEGUN, phases=[{"name": "one", "steps": 1}]), 1)


def test_both_let_data_be_corrected_before_the_first_attempt(training_runs: ApiServer) -> None:
    """Nothing is learned yet, and a run whose tokenizer no pod has is told to name another."""
    early = {**LEARNING, "status": {"attempt": 0}}
    _both_refuse(training_runs, early, changed(early, data={"tokenizer": "/u.json", "seed": 1}), 0)
    _both_refuse(training_runs, early, changed(early, phases=[{"name": "one", "steps": 1, "data": {"seed": 1}}]), 0)


@pytest.mark.parametrize(
    ("status", "uri", "refusals"),
    [
        ({}, "s3://bucket/a", 0),
        ({"attempt": 0}, "s3://bucket/a", 0),
        ({"attempt": 1}, "s3://bucket/a", 1),
        ({"attempt": 1, "checkpoint": CHECKPOINT}, "s3://bucket/a", 1),
        ({"attempt": 1, "checkpoint": CHECKPOINT}, PLACE, 0),
        ({"attempt": 1, "checkpoint": CHECKPOINT}, PLACE[:-1], 1),
    ],
)
def test_both_let_a_place_be_named_that_loses_no_checkpoint(
    training_runs: ApiServer, status: dict[str, Any], uri: str, refusals: int
) -> None:
    """Before the first attempt any place, as a run is told that lacks one; later only the place where its checkpoints are."""
    nowhere = changed({**RUN, "status": status}, checkpoint={})
    _both_refuse(training_runs, nowhere, changed(nowhere, checkpoint={"uri": uri}), refusals)


def test_both_let_a_place_be_corrected_before_the_first_attempt(training_runs: ApiServer) -> None:
    """A folder that no pod keeps is refused with the advice to write another place."""
    _both_refuse(training_runs, changed(RUN, checkpoint={"uri": "file:///x"}), RUN, 0)


@pytest.mark.parametrize("status", [{}, {"attempt": 0}])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        *((SIZED, new) for new, refusals in MODELS.values() if refusals),
        *((MIXED, changed(MIXED, trainer={"experts": experts})) for experts, told in MIXTURES.values() if told),
    ],
)
def test_both_let_a_model_be_corrected_before_the_first_attempt(
    training_runs: ApiServer, status: dict[str, Any], old: dict[str, Any], new: dict[str, Any]
) -> None:
    """Nothing is learned yet, and a run that needs too much memory is told to take fewer or smaller experts."""
    _both_refuse(training_runs, {**old, "status": status}, new, 0)


def _both_refuse(training_runs: ApiServer, old: dict[str, Any], new: dict[str, Any], refusals: int) -> None:
    assert len(training_runs.refusals(new, old)) == refusals
    old_run, new_run = TrainingRun.model_validate(old), TrainingRun.model_validate(new)
    if not refusals:
        check_change(old_run, new_run)
        return
    with pytest.raises(SpecError) as refused:
        check_change(old_run, new_run)
    assert len(refused.value.problems) == refusals
