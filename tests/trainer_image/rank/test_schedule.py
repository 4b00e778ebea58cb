"""Which step comes next, and at which learning rate."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_trainer.job import Phase
from tandem_trainer.rank.schedule import learning_rate, positions

phases = st.builds(
    Phase,
    name=st.sampled_from(["a", "b"]),
    steps=st.integers(1, 9),
    warmup_steps=st.integers(0, 1),
    schedule=st.sampled_from(["constant", "cosine"]),
)


@given(st.lists(phases, min_size=1, max_size=4).map(tuple), st.data())
def test_going_on_in_the_middle_gives_the_same_steps_as_never_having_stopped(run: tuple[Phase, ...], data: st.DataObject) -> None:
    """The steps from n on are the steps from 0 on without the first n, learning rates included."""
    total = sum(phase.steps for phase in run)
    first = data.draw(st.integers(0, total))
    assert list(positions(run, first)) == list(itertools.islice(positions(run, 0), first, None))
    assert [at.step for at in positions(run, 0)] == list(range(total))


@given(phases)
def test_the_learning_rate_never_leaves_its_range(phase: Phase) -> None:
    """It stays above 0 and never passes what was asked for."""
    assert all(0 < learning_rate(phase, step) <= phase.learning_rate for step in range(phase.steps))


def test_a_warm_up_rises_to_the_full_rate_and_a_cosine_falls_to_a_tenth() -> None:
    """Four steps of warm-up, then from the full rate down towards a tenth of it."""
    phase = Phase(name="a", steps=1004, warmup_steps=4, learning_rate=1.0)
    assert [learning_rate(phase, step) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert learning_rate(phase, 1003) == pytest.approx(0.1, abs=1e-4)
