"""The planner refuses what the trainer would refuse: both reckon alike what experts take of host memory and of a disk."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan import experts as planned
from tandem_operator.plan.experts import host_bytes, kept_bytes
from tandem_operator.plan.policies.wanted import job
from tandem_trainer.experts.building import room, sizes
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.host_memory import ITSELF_BYTES
from tandem_trainer.job import Run

SIZES = st.integers(1, 1_000_000)
GROUPS = st.none() | st.integers(1, 1024)


def run_of(mixture: dict[str, Any], memory: dict[str, Any], width: int) -> TrainingRun:
    """A run of such experts."""
    spec = {
        "trainer": {"experts": {"model": {"width": width, "heads": 1}, "mixture": mixture, "memory": memory}},
        "phases": [{"name": "a", "steps": 1}],
        "checkpoint": {"uri": "file:///k"},
    }
    run = from_object({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "r"}, "spec": spec})
    assert isinstance(run, TrainingRun)
    return run


@settings(max_examples=200)
@given(rule=st.sampled_from(sorted(RULES)), count=st.integers(16, 1_000_000), half=st.integers(1, 500_000), inner=SIZES)
def test_planner_and_trainer_need_the_same_bytes(rule: str, count: int, half: int, inner: int) -> None:
    """For every rule, and widths that fill no cache line."""
    mixture = {"count": count, "innerWidth": inner, "learningRule": rule}
    run = run_of(mixture, {}, 2 * half)
    assert run.spec.trainer.experts is not None
    assert host_bytes(run.spec.trainer.experts) == sizes(Run.model_validate_json(job(run))).staged_bytes


@settings(max_examples=100)
@given(rule=st.sampled_from(sorted(RULES)), inner=SIZES, streaming=st.integers(3, 64), hot=st.integers(0, 1024), group=GROUPS)
def test_with_a_disk_too(rule: str, inner: int, streaming: int, hot: int, group: int | None) -> None:
    """What lies on it, and what is on its way in host memory; the trainer hears of it in bytes."""
    memory = {"streamingSlots": streaming, "hotSlots": hot, "disk": "3Gi"} | ({"expertsPerSlot": group} if group else {})
    run = run_of({"count": 16, "innerWidth": inner, "learningRule": rule}, memory, 64)
    told, experts = Run.model_validate_json(job(run)), run.spec.trainer.experts
    assert experts is not None
    assert told.trainer.memory.disk == 3 << 30
    assert (kept_bytes(experts), host_bytes(experts)) == (sizes(told).staged_bytes, room(told).passing_bytes(sizes(told)))


def test_the_program_itself_takes_the_same_of_a_pod() -> None:
    """Before there is anything of a run."""
    assert planned._ITSELF == ITSELF_BYTES
