"""What a cluster cannot run, and what becomes of a run that asks for it."""

import subprocess
from datetime import timedelta
from typing import Any

import pytest
from tandem_operator.api.reading.run_file import SpecError, from_object
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan import acceptance
from tandem_operator.plan.acceptance import Place
from tandem_operator.plan.policies import wanted
from tandem_operator.plan.values import Tier, Waiting
from tandem_operator.render import job_text

from .world import START, World, run_of

PLACE = Place(checkpoint_uri="s3://bucket/runs", trainer_image="trainer:1")
CLAIM = {"mountPath": "/keep", "claim": "disk"}
PHASE = {"name": "all", "steps": 100, "batchSize": 24}


def _phase(**data: Any) -> dict[str, Any]:
    return {"phases": [PHASE, {**PHASE, "name": "more", "data": data}]}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"checkpoint": {"uri": "s3://mine"}},
        {"checkpoint": {"uri": "file:///keep"}, "pod": {"volumes": [CLAIM]}},
        {"checkpoint": {"uri": "file:///keep/runs/r"}, "pod": {"volumes": [{"mountPath": "/k", "secret": "s"}, CLAIM]}},
        {"trainer": {"script": {"path": "/app/train.py"}}},
        {"data": {"source": "/data"}},
        {"data": {"source": "file:///data", "tokenizer": "/data/tokenizer.json"}},
        _phase(source="python-stdlib"),
    ],
)
def test_a_run_that_outlives_its_pods_is_accepted(spec: dict[str, Any]) -> None:
    """An object store or a claim, and nothing that is relative to a run file."""
    assert acceptance.problems(run_of(**spec), PLACE) == ()


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"checkpoint": {"uri": "file:///keep"}}, "spec.checkpoint.uri"),
        ({"checkpoint": {"uri": "file:///keeper"}, "pod": {"volumes": [CLAIM]}}, "spec.checkpoint.uri"),
        ({"checkpoint": {"uri": "file:///"}, "pod": {"volumes": [CLAIM]}}, "spec.checkpoint.uri"),
        ({"checkpoint": {"uri": "file:///keep"}, "pod": {"volumes": [{"mountPath": "/keep", "secret": "s"}]}}, "spec.checkpoint.uri"),
        ({"checkpoint": {"uri": "file:///keep"}, "pod": {"volumes": [{**CLAIM, "readOnly": True}]}}, "spec.checkpoint.uri"),
        (
            {"checkpoint": {"uri": "file:///keep/s/x"}, "pod": {"volumes": [{"mountPath": "/keep/s", "secret": "s"}, CLAIM]}},
            "spec.checkpoint.uri",
        ),
        ({"trainer": {"script": {"path": "train.py"}}}, "spec.trainer.script.path"),
        ({"data": {"source": "data"}}, "spec.data.source"),
        ({"data": {"source": "file://data"}}, "spec.data.source"),
        ({"data": {"tokenizer": "tokenizer.json"}}, "spec.data.tokenizer"),
        (_phase(source="../data"), "spec.phases[1].data.source"),
        ({**_phase(tokenizer="x/tokenizer.json"), "trainer": {"script": {"path": "/x.py"}}}, "spec.phases[1].data.tokenizer"),
    ],
)
def test_each_mistake_is_one_line_that_names_the_field_the_value_and_the_fix(spec: dict[str, Any], field: str) -> None:
    """A person can act on it without reading anything else."""
    (problem,) = acceptance.problems(run_of(**spec), PLACE)
    assert problem.startswith(f'{field}: "')
    assert ": write " in problem


def _arguments(characters: int, text: str = "x") -> TrainingRun:
    whole, rest = divmod(characters, 4096)
    return run_of(trainer={"script": {"path": "/x.py", "args": [text * 4096] * whole + [text * rest] * bool(rest)}})


def _patterns(phases: int, patterns: int) -> TrainingRun:
    include = [f"{number:03}{'x' * 250}" for number in range(patterns)]
    return run_of(data={"include": include}, phases=[{**PHASE, "name": f"p{number}"} for number in range(phases)])


@pytest.mark.parametrize(
    ("run", "field", "fix"),
    [
        (_arguments(256 * 4096), "spec.trainer.script.args", "give it fewer or shorter ones, such as"),
        (_arguments(6 * 4096, "\N{SNOWMAN}"), "spec.trainer.script.args", "give it fewer or shorter ones, such as"),
        (_patterns(64, 64), "spec.phases", "name fewer, or fewer patterns in data.include, which every phase repeats"),
    ],
)
def test_a_job_that_no_program_can_be_started_with_is_refused(run: TrainingRun, field: str, fix: str) -> None:
    """Every attempt would fail before its first step; each value by itself is within its limits. A run that has begun is edited into it."""
    for attempt in (0, 1):
        status = run.status.model_copy(update={"attempt": attempt})
        (problem,) = acceptance.problems(run.model_copy(update={"status": status}), PLACE)
        assert problem.startswith(f"{field}: with them a pod is told ")
        assert f" bytes, and 126,976 fit: {fix}" in problem


def test_a_program_starts_with_the_longest_job_that_is_accepted() -> None:
    """Whatever place for checkpoints a shell puts into it; with a little more than that place it does not."""
    least = 120_000
    fits = max(size for size in range(least, 128 << 10, 64) if not acceptance.problems(_arguments(size), PLACE))
    started = job_text.completed(wanted.job(_arguments(fits)), f"s3://{'b' * 1024}/{'n' * 63}/{'r' * 40}/{'u' * 36}")
    subprocess.run(["/bin/true"], env={"TANDEM_JOB": started}, check=True)
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["/bin/true"], env={"TANDEM_JOB": wanted.job(_arguments(fits + 4096 + 64))}, check=True)


def test_what_is_stored_is_read_without_newer_rules_and_not_accepted() -> None:
    """A run from before a rule is cared for as it is; what is wrong with it is said in the words in which it would be refused today."""
    told = run_of(pod={"env": [{"name": "A", "value": "1"}] * 2}, deadline="0s").model_dump(mode="json", by_alias=True, exclude_none=True)
    stored = from_object({**told, "metadata": {**told["metadata"], "uid": "u"}})
    assert isinstance(stored, TrainingRun)
    with pytest.raises(SpecError) as refused:
        from_object({**told, "metadata": {"name": stored.name}})
    assert len(refused.value.problems) == 2
    assert acceptance.problems(stored, PLACE) == refused.value.problems
    begun = stored.model_copy(update={"status": stored.status.model_copy(update={"attempt": 1})})
    assert acceptance.problems(begun, PLACE) == (), "an upgrade holds back a run that trains"


def test_what_the_cluster_does_not_offer_the_run_must_name() -> None:
    """A place for checkpoints and an image; one that goes with its pod is no place, whoever names it."""
    fields = [problem.split(":")[0] for problem in acceptance.problems(run_of(), Place())]
    assert fields == ["spec.image", "spec.checkpoint.uri"]
    assert acceptance.problems(run_of(image="mine:1", checkpoint={"uri": "s3://mine"}), Place()) == ()
    assert len(acceptance.problems(run_of(), Place(checkpoint_uri="file:///tmp", trainer_image="x"))) == 1


def test_a_refused_run_starts_nothing_until_it_is_edited() -> None:
    """The condition holds the reason; the first attempt follows as soon as the run is accepted."""
    world = World(run_of())
    status = acceptance.refused(world.run.status, ("spec.image: is missing", "spec.data: too"), generation=3, now=START)
    (condition,) = status.conditions
    assert (status.phase, status.reason, status.message, status.attempt) == (
        RunPhase.PENDING,
        "NotAccepted",
        "spec.image: is missing; spec.data: too",
        0,
    )
    assert (condition.type, condition.status, condition.reason, condition.message) == (
        "Accepted",
        "False",
        "NotAccepted",
        "spec.image: is missing; spec.data: too",
    )
    assert status.observed_generation == condition.observed_generation == 3
    world.run = world.run.model_copy(update={"status": status})
    world.wait(timedelta(minutes=1))
    made = world.look()
    assert (made.status.attempt, made.status.reason, made.status.message) == (1, "Accepted", "")
    accepted = made.status.conditions[0]
    assert (accepted.type, accepted.status, accepted.last_transition_time) == ("Accepted", "True", START + timedelta(minutes=1))


def test_a_run_that_was_accepted_once_goes_on_as_it_was() -> None:
    """A later version, or an edit, makes it unacceptable while it runs: its phase stays, and so does all that it said."""
    world = World(run_of())
    world.settle()
    before = world.run.status
    after = acceptance.refused(before, ("spec.image: is missing",), generation=2, now=START)
    assert [condition.type for condition in after.conditions] == [condition.type for condition in before.conditions]
    assert after.conditions[1:] == before.conditions[1:]
    changed = {"conditions": before.conditions, "observed_generation": before.observed_generation}
    assert after.model_copy(update=changed) == before


def test_a_pending_attempt_that_was_refused_for_a_while_goes_on_when_it_is_accepted() -> None:
    """No other attempt is named: the workers that were let be are those that are wanted."""
    world = World(run_of(workers=2))
    world.slow_down(Waiting(tier=Tier.START, placed=True))
    world.settle(2)
    world.vanish("r-1-1")
    refused = acceptance.refused(world.run.status, ("spec.image: is missing",), generation=1, now=START)
    world.run = world.run.model_copy(update={"status": refused})
    made = world.look()
    assert (made.status.attempt, made.status.phase, made.status.reason) == (1, RunPhase.PENDING, "Accepted")
    assert [worker.name for worker in made.start] == ["r-1-1"]


def test_a_refusal_is_told_once_and_again_when_there_is_something_else_to_correct() -> None:
    """A look that finds the same changes nothing: not even a time."""
    first = acceptance.refused(RunStatus(), ("spec.a: is wrong",), generation=1, now=START)
    later = acceptance.refused(first, ("spec.a: is wrong",), generation=1, now=START + timedelta(hours=1))
    other = acceptance.refused(later, ("spec.b: is wrong",), generation=2, now=START + timedelta(hours=1))
    (event,) = acceptance.told(RunStatus(), first)
    assert (event.kind, event.reason, event.message) == ("Warning", "NotAccepted", "spec.a: is wrong")
    assert later == first
    assert acceptance.told(first, later) == ()
    assert [event.message for event in acceptance.told(later, other)] == ["spec.b: is wrong"]
    world = World(run_of())
    world.look()
    assert acceptance.told(first, world.run.status) == ()
    assert acceptance.told(RunStatus(), RunStatus()) == ()
