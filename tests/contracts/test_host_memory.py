"""The planner refuses what the trainer would refuse: both reckon the host memory of experts alike."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.experts import host_bytes
from tandem_operator.plan.policies.wanted import job
from tandem_trainer.experts.building import sizes
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.job import Run

SIZES = st.integers(1, 1_000_000)


@settings(max_examples=200)
@given(rule=st.sampled_from(sorted(RULES)), count=st.integers(16, 1_000_000), half=st.integers(1, 500_000), inner=SIZES)
def test_planner_and_trainer_need_the_same_bytes(rule: str, count: int, half: int, inner: int) -> None:
    """For every rule, and widths that fill no cache line."""
    mixture = {"count": count, "innerWidth": inner, "learningRule": rule}
    spec = {
        "trainer": {"experts": {"model": {"width": 2 * half, "heads": 1}, "mixture": mixture}},
        "phases": [{"name": "a", "steps": 1}],
        "checkpoint": {"uri": "file:///k"},
    }
    run = from_object({"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "metadata": {"name": "r"}, "spec": spec})
    assert isinstance(run, TrainingRun)
    assert run.spec.trainer.experts is not None
    assert host_bytes(run.spec.trainer.experts) == sizes(Run.model_validate_json(job(run))).host_bytes
