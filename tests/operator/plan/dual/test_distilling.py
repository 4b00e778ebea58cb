"""One round of distillation as runs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.answering import RoutingPolicy
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.plan.dual.distilling import (
    Lessons,
    UnteachableError,
    canary,
    habits,
    named,
    promoted,
    pupil,
    rate,
    training,
    with_model,
)

from tests.operator.plan.dual.runs import CLOUD, LOCAL, dual

DIGEST = "0123456789abcdef"
PUPIL: dict[str, Any] = {"name": "local", "kind": "Local", "engine": {"model": "/models/local", "arguments": ["--dtype", "float32"]}}
ADDRESSED = {"name": "local", "kind": "Local", "url": "http://127.0.0.1:1234/v1", "model": "m"}


def lessons(text_bytes: int = 100_000, longest_bytes: int = 200) -> Lessons:
    return Lessons(digest=DIGEST, file="/rows.jsonl", text_bytes=text_bytes, longest_bytes=longest_bytes)


def pair() -> DualRun:
    spec = {
        "budget": {"usd": 5.0},
        "memory": {},
        "deadline": "1h",
        "suspend": True,
        "checkpoint": {"uri": "s3://bucket/pair"},
        "maxSteps": 1,
    }
    return dual(lanes=[CLOUD, PUPIL], **spec)


@pytest.mark.parametrize(
    ("lanes", "why"),
    [
        ([CLOUD], "pair: there is no lane of kind Local"),
        ([CLOUD, ADDRESSED], r"pair: spec.lanes\[1\]: is reached by its address"),
        ([LOCAL], r'pair: spec.lanes\[0\].engine.model: "models/local" is no folder here'),
        ([{**PUPIL, "engine": {"server": "LlamaCpp", "model": "/m.gguf"}}], r"pair: spec.lanes\[0\].engine.server: LlamaCpp reads a .gguf"),
    ],
)
def test_who_cannot_be_taught(lanes: list[dict[str, Any]], why: str) -> None:
    """Without weights in a folder there is nothing to train; the field and the fix are told."""
    with pytest.raises(UnteachableError, match=why):
        pupil(dual(lanes=lanes))


@given(st.integers(1, 10**9), st.integers(1, 10**6), st.one_of(st.none(), st.integers(16, 16_384)))
def test_any_lessons_make_a_run_that_is_accepted(text_bytes: int, longest_bytes: int, width: int | None) -> None:
    """All rules of TrainingRun hold, whatever is taught to whatever model, and no row that could be read is too long."""
    run = training(pair(), pupil(pair()), lessons(text_bytes, longest_bytes), learning_rate=rate(width))
    (phase,) = run.spec.phases
    assert run.name == "pair-distil-01234567"
    assert phase.context_length >= min(longest_bytes, 8192)
    assert run.spec.data.source == "/rows.jsonl"
    assert run.spec.trainer.deepspeed is not None
    assert run.spec.trainer.deepspeed.model.pretrained == "/models/local"


def test_wider_models_learn_at_smaller_rates() -> None:
    """2e-3 for 64 numbers, and half of it for twice as many."""
    assert [rate(64), rate(128)] == [2e-3, 1e-3]


def test_the_canary_is_answered_as_the_lane_answers() -> None:
    """The same experts, thinking and engine; one lane alone, no memory, no money, no deadline, and it is not suspended."""
    run = pair()
    made = canary(run, with_model(pupil(run), "/taught"), "/canary.jsonl", name="c")
    (lane,) = made.spec.lanes
    assert lane.engine is not None
    assert (lane.engine.model, lane.engine.arguments) == ("/taught", ("--dtype", "float32"))
    assert (made.spec.experts, made.spec.thinking, made.spec.max_steps) == (run.spec.experts, run.spec.thinking, 1)
    assert made.spec.routing.policy is RoutingPolicy.LOCAL
    assert (made.spec.memory, made.spec.budget.usd, made.spec.deadline, made.spec.suspend) == (None, None, None, False)
    assert made.spec.checkpoint.uri is None
    assert accepted(made) == made


def test_what_the_model_says_by_itself_is_asked_in_one_step() -> None:
    """As in a canary, but that nobody is shown what others said: only first answers are taught."""
    run = dual(lanes=[CLOUD, PUPIL], maxSteps=3)
    made, judged = (each(run, pupil(run), "/crosses.jsonl", name="h") for each in (habits, canary))
    assert (made.spec.max_steps, judged.spec.max_steps) == (1, 3)
    assert made.spec.model_copy(update={"max_steps": 3}) == judged.spec
    assert accepted(made) == made


def test_the_promoted_run_differs_by_its_model_alone() -> None:
    """All else is as it was, but that it is not suspended and keeps its snapshots in a place of its own."""
    run = pair()
    made = promoted(run, with_model(pupil(run), "/taught"), name="p")
    assert [lane.engine.model for lane in made.spec.lanes if lane.engine] == ["/taught"]
    assert made.spec.lanes[0] == run.spec.lanes[0]
    as_it_was = {"lanes": run.spec.lanes, "suspend": True, "checkpoint": run.spec.checkpoint}
    assert made.spec.model_copy(update=as_it_was) == run.spec
    assert accepted(made) == made


def test_names_tell_rounds_apart_and_fit() -> None:
    """As a name may have at most 40 characters."""
    long = pair().model_copy(update={"metadata": pair().metadata.model_copy(update={"name": "a" * 40})})
    assert len(named(long, "before", DIGEST)) <= 40
    assert named(long, "before", DIGEST) != named(long, "before", "9" + DIGEST)


def accepted(run: DualRun) -> DualRun:
    """The run as it is read from a file."""
    told = run.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"status": True, "metadata": {"uid", "generation"}})
    read = from_object(told)
    assert isinstance(read, DualRun)
    return read
