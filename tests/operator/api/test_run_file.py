"""A run file becomes a run, or every reason why not: one line each, with field, value and fix."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from tandem_operator.api.names import NAME
from tandem_operator.api.reading.run_file import SpecError, from_object, read
from tandem_operator.api.training_run import TrainingRun

from tests.operator.api.damage import DAMAGE, damaged

NAME_HELP = "lower-case letters, digits and dashes, at most 40, starting with a letter"
RUN = """\
apiVersion: tandem.dev/v1alpha1
kind: TrainingRun
metadata: {name: a}
spec:
  trainer:
    deepspeed: {microBatchSize: 4}
  phases:
  - {name: one, steps: 10, batchSize: 16, learningRate: 1e-4}
"""


def problems(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(SpecError) as refused:
        read(text)
    return refused.value.problems


def with_line(line: str) -> str:
    """The run with one more line in its spec."""
    return f"{RUN}  {line}\n"


def test_a_good_file_is_a_run() -> None:
    """Numbers, defaults and names arrive; `1e-4` is a number although YAML 1.1 calls it text."""
    run = read(RUN)
    assert isinstance(run, TrainingRun)
    assert run.name == "a"
    assert run.spec.phases[0].learning_rate == 1e-4
    assert run.spec.restart.max_failures == 3


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("worker: 2", "spec.worker: there is no such field: did you mean workers? (line 9)"),
        ("suspend: 'yes'", 'spec.suspend: "yes" is text, neither true nor false: write true or false without quotes (line 9)'),
        ("workers: two", 'spec.workers: "two" is text, not a whole number: write one without quotes, such as 1 (line 9)'),
        ("workers: 2.5", "spec.workers: 2.5 is no whole number: write one without quotes, such as 1 (line 9)"),
        ("workers: true", "spec.workers: true is true or false, not a whole number: write one without quotes, such as 1 (line 9)"),
        ("workers: 0", "spec.workers: 0 is too small: write 1 or more (line 9)"),
        ("workers:", "spec.workers: is left empty: give it a value or take the line out (line 9)"),
        ("image: 3", "spec.image: 3 is a number, not text: put it in quotes (line 9)"),
        ("image: ''", 'spec.image: "" is too short: write at least 1 character(s) (line 9)'),
        (
            "deadline: 90",
            'spec.deadline: 90 is no duration: write whole numbers with units d, h, m or s, such as "90s" or "1h30m" (line 9)',
        ),
        (
            "budget: {usd: $5}",
            'spec.budget.usd: "$5" is no amount of US dollars: write a plain number without quotes or sign, such as 12.50 (line 9)',
        ),
        ("budget: {usd: 0}", "spec.budget.usd: 0 pays for nothing: write more than 0, or leave it out for no limit (line 9)"),
        ("budget: {usd: .inf}", "spec.budget.usd: inf is not finite: write an ordinary number (line 9)"),
        ("budget: {warnAt: 80}", "spec.budget.warnAt: 80 is too large: write 1 or less (line 9)"),
        (
            "budget: 5",
            "spec.budget: 5 is a number, not a mapping: write its fields below it: usd, warnAt, onExhausted, usdPerWorkerHour (line 9)",
        ),
        (
            "placement: {spot: prefer}",
            'spec.placement.spot: "prefer" is not known here: did you mean Prefer? (allowed: Require, Prefer, Never) (line 9)',
        ),
        (
            "placement: {tolerations: x}",
            'spec.placement.tolerations: "x" is text, not a list: write each entry on a line of its own that starts with "- " (line 9)',
        ),
        ("placement: {nodeSelector: {a/b: 3}}", 'spec.placement.nodeSelector["a/b"]: 3 is a number, not text: put it in quotes (line 9)'),
        (
            "placement: {spot: Never, onDemandAfter: 10m}",
            'spec.placement.onDemandAfter: "10m" has no meaning with spot Never: use Prefer or leave it out (line 9)',
        ),
        ("accelerator: nvidia", "spec.gpusPerWorker: 0 does not go with accelerator nvidia: set both or neither (line 4)"),
        (
            "workers: 3",
            (
                "spec.phases[0].batchSize: 16 is not a multiple of the 12 sequences that 3 ranks take at once: "
                "change batchSize, workers or microBatchSize (line 8)"
            ),
        ),
        ("memory: {}", "spec.memory.address: is missing: add it (host:port of its gRPC server) (line 9)"),
        (
            "checkpoint: {uri: gs://bucket}",
            'spec.checkpoint.uri: "gs://bucket" is no place for files: write s3://bucket/prefix or file:///folder (line 9)',
        ),
    ],
)
def test_each_mistake_is_one_line(line: str, problem: str) -> None:
    """Field, value, fix, and where it stands in the file."""
    assert problems(with_line(line)) == (problem,)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("apiVersion: tandem.dev/v1alpha1", "a: 1", "apiVersion: is missing: add apiVersion: tandem.dev/v1alpha1"),
        ("tandem.dev/v1alpha1", "v1", 'apiVersion: "v1" is not known here: write tandem.dev/v1alpha1 (line 1)'),
        ("kind: TrainingRun", "b: 1", "kind: is missing: add kind: TrainingRun"),
        ("TrainingRun", "TraningRun", 'kind: "TraningRun" is not known here: did you mean TrainingRun? (line 2)'),
        (
            "{name: a}",
            "{name: My_Run}",
            f'metadata.name: "My_Run" {NAME.instead} (line 3)',
        ),
        (
            "{name: a}",
            "{}",
            f"metadata.name: is missing: add it ({NAME_HELP}) (line 3)",
        ),
        ("deepspeed: {microBatchSize: 4}", "{}", "spec.trainer: has none: give exactly one of deepspeed, experts, script (line 5)"),
        (
            "deepspeed: {",
            "lattice: {}\n    x: {",
            "spec.trainer.lattice: is not available in this version: use deepspeed or experts or script (line 6)",
        ),
        (
            "{microBatchSize: 4}",
            "{}\n    script: {path: x}",
            "spec.trainer: has 2, deepspeed, script: give exactly one of deepspeed, experts, script (line 5)",
        ),
        (
            "learningRate: 1e-4",
            "learning_rate: 1",
            "spec.phases[0].learning_rate: there is no such field: did you mean learningRate? (line 8)",
        ),
        ("steps: 10", "steps: 10, tokens: 5", "spec.phases[0].tokens: 5 does not go with steps 10: leave one of the two out (line 8)"),
        ("steps: 10, ", "", "spec.phases[0]: has no length: give it steps or tokens (line 8)"),
        (
            "steps: 10",
            "steps: 10, warmupSteps: 11",
            "spec.phases[0].warmupSteps: 11 is more than the 10 steps of the phase: lower it (line 8)",
        ),
    ],
)
def test_each_wrong_line_is_named(old: str, new: str, problem: str) -> None:
    """Wrong kind or version, missing names, two trainers, two lengths: each by its own path."""
    assert problem in problems(RUN.replace(old, new, 1))


def test_rules_over_several_fields_are_told_together_with_all_other_mistakes() -> None:
    """A refused field silences only the rules that need it."""
    told = problems(
        with_line("budget: {usd: 0}\n  gpusPerWorker: 2\n  processesPerWorker: 4\n  deadline: x").replace("steps: 10", "tokens: 0")
    )
    assert [line.split(":")[0] for line in told] == [
        "spec.phases[0].tokens",
        "spec.budget.usd",
        "spec.gpusPerWorker",
        "spec.processesPerWorker",
        "spec.deadline",
    ]


def test_a_rule_says_nothing_of_a_field_that_was_refused() -> None:
    """`workers: two` is one mistake: nobody can tell yet whether the batches split."""
    assert len(problems(with_line("workers: two"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        with_line("data: {source: 'https://bob:hunter2@example.com/x'}"),
        with_line("data: {source: 's3://bucket/x?X-Amz-Signature=hunter2'}"),
        with_line("checkpoint: {uri: 'S3://bob:hunter2@bucket'}"),
        with_line("memory: {address: 'bob:hunter2@host:1'}"),
        with_line("image: {password: hunter2}"),
        with_line("apiKey: hunter2"),
    ],
)
def test_a_secret_is_never_printed(text: str) -> None:
    """An address with credentials, or an unknown field that may hold one, is refused without its value."""
    assert "hunter2" not in "\n".join(problems(text))


def test_a_file_that_holds_no_mapping_is_one_line() -> None:
    """A list or a word is no run."""
    assert problems("- a") == ("the file holds no mapping: start it with apiVersion: tandem.dev/v1alpha1",)


def test_problems_come_in_the_order_of_the_file() -> None:
    """So that people can correct from top to bottom."""
    told = problems(with_line("suspend: on\n  workers: 0").replace("name: a", "name: A"))
    assert [re.findall(r"\(line (\d+)\)$", line) for line in told] == [["3"], ["9"], ["10"]]


def problems_of(run: dict[str, Any]) -> tuple[str, ...]:
    try:
        from_object(run)
    except SpecError as error:
        return error.problems
    return ()


@settings(max_examples=300, deadline=None)
@given(spec=damaged(DAMAGE))
def test_whatever_stands_in_a_file_is_told_plainly(spec: dict[str, Any]) -> None:
    """No damage raises anything but SpecError; every problem is one line that starts with a field, in our own words."""
    told = problems_of({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "a"}, "spec": spec})
    assert len(set(told)) == len(told)
    for line in told:
        assert re.fullmatch(r'spec[\w.\[\]"/-]*: [^\n]{5,400}', line), line
        assert not re.search(r"pydantic|valid|Input|instance|dictionary|object at|None", line), line
