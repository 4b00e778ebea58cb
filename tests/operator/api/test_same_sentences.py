"""A mistake is one line with field, value and fix, and it is the same line from `tandem run` and from `kubectl apply`."""

import re
from typing import Any

import pytest

from tests.operator.api.api_server import ApiServer
from tests.operator.api.mistakes import BEYOND, GOOD, MISTAKES, PHASE, SECRETS, SPEC, TWICE, Mistake
from tests.operator.api.reading import problems, run_with


def named(mistake: Mistake) -> str:
    return f"{mistake.field} {mistake.said[:24]}"


@pytest.mark.parametrize("mistake", MISTAKES, ids=named)
def test_both_say_the_same_of_a_mistake(training_runs: ApiServer, mistake: Mistake) -> None:
    """Field, value, fix: in one line each, and in the same words."""
    (here,), (there,) = problems(run_with(mistake.whole)), training_runs.refusals(run_with(mistake.whole))
    assert here.startswith(f"spec.{mistake.field}: {mistake.said}")
    assert mistake.said in there
    assert there.startswith("spec")


@pytest.mark.parametrize("mistake", TWICE, ids=named)
def test_both_refuse_what_is_there_twice(training_runs: ApiServer, mistake: Mistake) -> None:
    """The later one would win in silence, or the pod would be refused."""
    (here,), (there,) = problems(run_with(mistake.whole)), training_runs.refusals(run_with(mistake.whole))
    assert here.startswith(f"spec.{mistake.field}: {mistake.said}")
    assert f"{mistake.said.split()[0]} is there twice" in there


@pytest.mark.parametrize("mistake", SECRETS, ids=named)
def test_nobody_repeats_a_secret(training_runs: ApiServer, mistake: Mistake) -> None:
    """Whoever reads the refusal, in a log or over a shoulder, learns nothing."""
    said = (*problems(run_with(mistake.whole)), *training_runs.refusals(run_with(mistake.whole)))
    assert not any(re.search("hunter2|AKIA", line) for line in said)


@pytest.mark.parametrize("spec", GOOD, ids=lambda spec: str(spec)[:40])
def test_both_take_what_is_meant_as_it_is_written(training_runs: ApiServer, spec: dict[str, Any]) -> None:
    """Amounts as Kubernetes takes them, names as it has them, texts that only look like secrets."""
    assert problems(run_with({**SPEC, **spec})) == ()
    assert training_runs.refusals(run_with({**SPEC, **spec})) == []


@pytest.mark.parametrize("spec", BEYOND, ids=lambda spec: str(spec)[:40])
def test_rules_are_silent_about_numbers_beyond_their_limits(training_runs: ApiServer, spec: dict[str, Any]) -> None:
    """The limit is said, and nothing of how a rule could not be reckoned."""
    here, there = problems(run_with({**SPEC, **spec})), training_runs.refusals(run_with({**SPEC, **spec}))
    assert here
    assert len(there) == len(here), (here, there)
    assert not any("evaluating" in line for line in there)


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
    phase = {**PHASE, **({"data": {"source": own}} if own else {})}
    run = run_with({"trainer": {"deepspeed": {"model": model}}, "data": {"source": shared}, "phases": [phase]})
    here = problems(run)
    assert bool(here) == bool(training_runs.refusals(run)) == bool(line)
    assert not line or line in here[0]
