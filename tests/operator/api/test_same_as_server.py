"""Reading a run here and creating it on a cluster accept the same runs, for the same reasons."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tandem_operator.api.definitions.cel_rules import RULES
from tandem_operator.api.model import ApiModel
from tandem_operator.api.reading.change import check_change
from tandem_operator.api.reading.run_file import SpecError, from_object
from tandem_operator.api.rule import rules_of
from tandem_operator.api.training_run import TrainingRun

from tests.operator.api.api_server import ApiServer
from tests.operator.api.damage import GOOD, WRITTEN, damaged

BY_NAMED_LISTS = {"phases_have_names_of_their_own", "names_are_unique"}
"""Rules that the server holds by its named lists."""


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def often(*good: Any, seldom: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Mostly something that fits."""
    return st.sampled_from([*good * 40, *seldom])


FLAGS = (True, False)

sizes = often(1, 2, 4, 8, seldom=(0, -1, "2", 2.5, True, 10**7))
shares = often(0, 0.5, 1, seldom=(-0.1, 1.5, "0.5", 10))
names = often("a", "b", "c-1", "x" * 40, seldom=("", "A", "-a", "x" * 41, "1a", "a\n", 3))
words = often("Prefer", "Require", "Never", seldom=("prefer", 1))
waits = often("0s", "90s", "1h30m", seldom=("90", 90, "1.5h", "", "s"))
sources = often("python-stdlib", "/data", "file:///data", seldom=("", "https://u:p@h/", "s3://b/k?X-Amz-Signature=1", 3))

models = some(
    layers=sizes, width=often(16, 32, 64, seldom=(0, 24)), heads=often(1, 2, 4, seldom=(3,)), huggingFace=often("gpt2", seldom=("", 1))
)
optimizers = some(beta1=often(0, 0.9, seldom=(1, -0.1)), epsilon=often(1e-8, 1, seldom=(0,)), weightDecay=often(0, 0.1, seldom=(-1,)))
deepspeed = some(
    zeroStage=often(1, 2, 3, seldom=(0, 4)),
    microBatchSize=sizes,
    precision=often("bf16", "fp32", seldom=("fp16",)),
    model=models,
    optimizer=optimizers,
    activationCheckpointing=often(*FLAGS, seldom=("yes", 1)),
)
script = some(path=often("x.py", "/a/b.py", "c.py", seldom=("",)), args=st.lists(often("-v", "", seldom=(1,)), max_size=2))
trainers = st.one_of(
    st.builds(lambda path: {"script": {"path": path}}, often("x.py")),
    st.builds(lambda settings: {"deepspeed": settings}, deepspeed),
    st.builds(lambda settings: {"deepspeed": settings}, deepspeed),
    some(deepspeed=deepspeed, script=script, experts=st.just({}), lattice=st.just({})),
)
data = some(
    source=sources, include=st.lists(often("*.py", seldom=("",)), max_size=2), fillInTheMiddle=shares, seed=often(0, 7, seldom=(-1, 2**53))
)
lengths = st.one_of(
    st.fixed_dictionaries({"steps": often(1, 100, seldom=(0, 1.5))}),
    st.fixed_dictionaries({"tokens": often(1, 5000, seldom=(0,))}),
    some(steps=often(1), tokens=often(1)),
)
settings_of_phase = some(
    contextLength=often(8, 256, seldom=(7,)),
    batchSize=often(16, 32, 64, seldom=(0, 7)),
    learningRate=often(1e-3, 1, seldom=(0, "fast")),
    warmupSteps=often(0, 1, seldom=(-1, 50)),
    schedule=often("constant", "cosine", seldom=("linear",)),
    data=data,
)
phases = st.lists(
    st.builds(lambda name, length, rest: {"name": name, **length, **rest}, names, lengths, settings_of_phase),
    max_size=3,
)
tolerations = st.lists(
    some(
        key=often("gpu", seldom=("",)),
        operator=often("Exists", "Equal", seldom=("In",)),
        value=often("", "yes"),
        effect=often("NoExecute", "NoSchedule", seldom=("None",)),
        tolerationSeconds=often(0, 5, seldom=(-1,)),
    ),
    max_size=2,
)
specs = st.fixed_dictionaries(
    {"trainer": trainers, "phases": phases},
    optional={
        "workers": sizes,
        "gpusPerWorker": often(0, 0, 0, 8, seldom=(-1, 65)),
        "processesPerWorker": sizes,
        "accelerator": often("none", "none", "nvidia", seldom=("tpu",)),
        "placement": some(spot=words, onDemandAfter=waits, tolerations=tolerations, nodeSelector=often({}, {"a": "b"}, seldom=({"a": 1},))),
        "data": data,
        "checkpoint": some(
            uri=often("file:///x", "s3://bucket/a", seldom=("s3://", "/x", "s3://u:p@b")),
            everySteps=sizes,
            keepLast=sizes,
            keepBest=often(*FLAGS, seldom=("no",)),
        ),
        "budget": some(
            usd=often(1, 0.5, seldom=(0, "1", True)), warnAt=often(0.5, 1, seldom=(0, 80)), usdPerWorkerHour=often(0, 2, seldom=(-1,))
        ),
        "restart": some(maxFailures=often(0, 3, seldom=(-1,)), backoff=some(first=waits, longest=waits)),
        "spikes": some(action=often("Stop", seldom=("stop",)), window=often(8, seldom=(7,)), sigmas=often(3, seldom=(0,))),
        "memory": some(address=often("a:1", "[::1]:2", seldom=("a", "http://a:1")), namespace=names),
        "suspend": often(*FLAGS, seldom=("true", 0)),
        "deadline": waits,
        "ttlSecondsAfterFinished": often(0, 5, seldom=(-1, 2**31)),
    },
)
runs = st.fixed_dictionaries({"name": often("a", "b", seldom=("A", "x" * 41, "a.b"))}).flatmap(
    lambda metadata: specs.map(
        lambda spec: {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": metadata, "spec": spec},
    )
)


def problems(run: dict[str, Any]) -> tuple[str, ...]:
    try:
        from_object(run)
    except SpecError as error:
        return error.problems
    return ()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(run=runs)
def test_both_accept_the_same_runs(training_runs: ApiServer, run: dict[str, Any]) -> None:
    """A run is refused here if and only if the CRD refuses it."""
    here, there = problems(run), training_runs.refusals(run)
    assert bool(here) == bool(there), (here, there)


@settings(max_examples=600, deadline=None)
@given(spec=damaged(WRITTEN, most=1))
def test_both_refuse_the_same_damage(training_runs: ApiServer, spec: dict[str, Any]) -> None:
    """One thing written over in a good run is refused by both, or by none."""
    run = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "a"}, "spec": spec}
    here, there = problems(run), training_runs.refusals(run)
    assert bool(here) == bool(there), (here, there)


def test_the_good_run_is_good(training_runs: ApiServer) -> None:
    """Nothing is refused at the very edges: a warm-up as long as its phase, a rank for each card."""
    run = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "a"}, "spec": GOOD}
    assert problems(run) == ()
    assert training_runs.refusals(run) == []


@pytest.mark.parametrize(
    ("model", "shared", "own", "line"),
    [
        ({"pretrained": "/m"}, "/lessons.jsonl", None, None),
        ({"pretrained": "/m"}, "/text", "file:///lessons.jsonl.gz", None),
        ({}, "/lessons.jsonl", "/text", None),
        ({"pretrained": "/m"}, "/text", None, 'spec.data.source: "/text" holds no conversations'),
        ({}, "/text", "/lessons.jsonl", 'spec.phases[0].data.source: "/lessons.jsonl" holds conversations: name who is to learn'),
        ({"pretrained": "/m", "huggingFace": "gpt2"}, "/lessons.jsonl", None, "huggingFace: "),
    ],
)
def test_conversations_go_with_a_pretrained_model(
    training_runs: ApiServer, model: dict[str, Any], shared: str, own: str | None, line: str | None
) -> None:
    """Neither is of use without the other, whether the data is a phase's own or the run's; both sides say so."""
    phase = {"name": "a", "steps": 1, **({"data": {"source": own}} if own else {})}
    spec = {"trainer": {"deepspeed": {"model": model}}, "data": {"source": shared}, "phases": [phase]}
    run = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "a"}, "spec": spec}
    here = problems(run)
    assert bool(here) == bool(training_runs.refusals(run)) == bool(line)
    assert not line or line in here[0]


def test_every_rule_is_written_in_both_languages() -> None:
    """Each rule of a model has its twin in CEL, under the same name, or is held by a named list."""
    for model, in_cel in RULES.items():
        here = set(rules_of(model)) - BY_NAMED_LISTS
        there = {name for name, rule in in_cel.items() if "oldSelf" not in rule.rule and name != "name"}
        assert here == there, model


def test_every_model_with_rules_is_in_the_table() -> None:
    """No model's rules are forgotten: whichever model has some stands in the table."""
    with_rules = {model for model in _models(ApiModel) if set(rules_of(model)) - BY_NAMED_LISTS}
    assert with_rules <= set(RULES)


def _models(model: type[ApiModel]) -> set[type[ApiModel]]:
    return {model, *(found for kind in model.__subclasses__() for found in _models(kind))}


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


SIZED = changed(RUN, trainer={"deepspeed": {"model": {"layers": 4, "width": 128, "heads": 4}}})
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


@pytest.mark.parametrize("change", CHANGES)
def test_both_refuse_the_same_changes(training_runs: ApiServer, change: str) -> None:
    """What checkpoints and the order of data depend on cannot change in a run that has begun; the rest can."""
    new, refusals = CHANGES[change]
    _both_refuse(training_runs, {**RUN, "status": {"attempt": 1}}, new, refusals)


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


def _both_refuse(training_runs: ApiServer, old: dict[str, Any], new: dict[str, Any], refusals: int) -> None:
    assert len(training_runs.refusals(new, old)) == refusals
    old_run, new_run = TrainingRun.model_validate(old), TrainingRun.model_validate(new)
    if not refusals:
        check_change(old_run, new_run)
        return
    with pytest.raises(SpecError) as refused:
        check_change(old_run, new_run)
    assert len(refused.value.problems) == refusals


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        ({"memory": "16"}, '^spec.pod.memory: "16" is a number of bytes: write its unit, such as "16Gi"$'),
        ({"sharedMemory": "512m"}, '^spec.pod.sharedMemory: "512m" is a number of bytes: write its unit, such as "512Gi"$'),
        *(
            (
                {"env": [{"name": name, "value": "1"}]},
                rf'^spec.pod.env\[0\].name: "{name}" is Tandem\'s own: leave it out or take another name$',
            )
            for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "PYTHONPATH", "TANDEM_JOB")
        ),
        ({"env": [{"name": "TANDEM_S3_ENDPOINT", "value": "http://minio:9000"}]}, ""),
        ({"env": [{"name": "MY_RANK", "value": "1"}]}, ""),
        ({"cpu": "4", "memory": "1.5Gi"}, ""),
    ],
)
def test_both_refuse_the_same_pods(training_runs: ApiServer, pod: dict[str, Any], told: str) -> None:
    """Sixteen bytes are not meant, and what Tandem tells its workers is not written over."""
    run = changed(RUN, pod=pod)
    assert bool(training_runs.refusals(run)) == bool(told)
    found = problems(run)
    assert len(found) == bool(told)
    assert not told or re.search(told, found[0]), found
