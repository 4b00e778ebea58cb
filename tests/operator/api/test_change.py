"""What changed between two specs, as it is told to people."""

from typing import Any

from tandem_operator.api.reading.change import changes
from tandem_operator.api.training_run import TrainingRunSpec

SPEC: dict[str, Any] = {
    "trainer": {"script": {"path": "x.py"}},
    "phases": [{"name": "one", "steps": 9, "learningRate": 0.001}],
}


def told(**spec: Any) -> tuple[str, ...]:
    return changes(TrainingRunSpec.model_validate(SPEC), TrainingRunSpec.model_validate({**SPEC, **spec}))


def test_nothing_is_told_of_what_stayed_nor_of_a_wish_to_rest() -> None:
    """A default that is written out is no change, and `suspend` is no change either."""
    assert told(workers=1, suspend=True) == ()


def test_each_field_is_told_with_both_values() -> None:
    """By its path; what is absent is `none`, and a phase goes by its name."""
    phases = [{"name": "one", "steps": 9, "learningRate": 0.01}, {"name": "two", "steps": 1}]
    assert told(workers=2, deadline="1h", phases=phases) == (
        "workers 1 -> 2",
        "phases[0].learningRate 0.001 -> 0.01",
        "phases[1] none -> two",
        "deadline none -> 1h",
    )


def test_a_phase_that_is_gone_is_told() -> None:
    """As a name that became nothing."""
    longer = TrainingRunSpec.model_validate({**SPEC, "phases": [*SPEC["phases"], {"name": "two", "steps": 1}]})
    assert changes(longer, TrainingRunSpec.model_validate(SPEC)) == ("phases[1] two -> none",)
