"""What adds up over attempts, told through a registry as reports come in."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.telemetry.v1.telemetry_pb2 import Source, WorkerReport
from tandem_telemetry.registry import Registry
from tandem_telemetry.totals import Totals

Make = Callable[..., WorkerReport]
NAMES = ("steps_done", "tokens", "spikes", "refused_updates", "checkpoint_failures")


def totals(*told: WorkerReport) -> Totals:
    registry = Registry(expire_s=1, most_runs=1)
    for report in told:
        registry.take(report, 0)
    (state,) = registry.runs.values()
    return state.totals


def test_steps_that_are_done_again_count_twice_and_their_tokens_once(make: Make) -> None:
    """100 steps, resumed from 90, 20 more: 120 were carried out, 10 of them twice."""
    sums = totals(
        make(1, attempt=1, resumed_from_step=0, step=100, tokens=1000),
        make(2, attempt=2, resumed_from_step=90, step=91, tokens=910),
        make(3, attempt=2, step=110, tokens=1100),
    )
    assert (sums.steps_done, sums.tokens) == (120, 1100)


def test_sums_of_attempts_add_up(make: Make) -> None:
    """Workers count within an attempt, each on its own; the highest counts, and attempts add."""
    sums = totals(
        make(1, attempt=1, spikes=2, refused_updates=40, checkpoint_failures=1),
        make(2, attempt=1, spikes=1),
        make(3, attempt=2, spikes=3, refused_updates=2),
        make(4, attempt=1, spikes=9),
    )
    assert (sums.spikes, sums.refused_updates, sums.checkpoint_failures) == (5, 42, 1)


def test_time_to_resume_is_from_step_to_step(make: Make) -> None:
    """What counts is how long no step was made, whatever else was reported meanwhile."""
    first = make(100, attempt=1, step=5)
    second = make(130, attempt=2, device_memory_bytes=1)
    third = make(170, attempt=3, step=6)
    third.first_step_at.FromSeconds(160)
    assert totals(first).resume_seconds is None
    assert totals(first, second).resume_seconds is None
    assert totals(first, second, third).resume_seconds == pytest.approx(60)


def test_a_run_made_anew_begins_at_zero(make: Make) -> None:
    """Another run of the same name owes nothing to the one before it."""
    assert totals(make(1, uid="a", spikes=3), make(2, uid="b", spikes=1)).spikes == 1


@st.composite
def told(draw: st.DrawFn) -> list[WorkerReport]:
    made = []
    for at in range(1, draw(st.integers(1, 10)) + 1):
        report = WorkerReport(source=Source(namespace="n", run="r", attempt=draw(st.integers(1, 4))))
        report.at.FromSeconds(at)
        for name in ("step", "resumed_from_step", "tokens", "spikes", "refused_updates", "checkpoint_failures"):
            if draw(st.booleans()):
                setattr(report, name, draw(st.integers(0, 50)))
        made.append(report)
    return made


@given(told())
def test_spikes_failures_and_tokens_never_go_down(made: list[WorkerReport]) -> None:
    """Whatever workers say, in whatever order: counters count up, attempt after attempt."""
    before = Totals()
    for length in range(1, len(made) + 1):
        after = totals(*made[:length])
        for name in ("tokens", "spikes", "checkpoint_failures"):
            assert getattr(after, name) >= getattr(before, name), name
        before = after


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=8))
def test_steps_add_up_over_real_attempts(attempts: list[tuple[int, int]]) -> None:
    """For attempts that each resume at or before where training stood: all steps done, and never fewer than before."""
    made, stood, done, counted = [], 0, 0, []
    for attempt, (back, forward) in enumerate(attempts, start=1):
        begun = max(0, stood - back)
        done, stood = done + forward, begun + forward
        for step in (begun, stood):
            report = WorkerReport(source=Source(namespace="n", run="r", attempt=attempt), step=step, resumed_from_step=begun)
            report.at.FromSeconds(len(made) + 1)
            made.append(report)
            counted.append(totals(*made))
    assert counted[-1].steps_done == done
    for name in NAMES:
        values = [getattr(each, name) for each in counted]
        assert values == sorted(values), name


@given(told().flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
def test_order_inside_an_attempt_does_not_matter(both: tuple[list[WorkerReport], list[WorkerReport]]) -> None:
    """Reports of one attempt sum up to the same in any order."""
    in_order, shuffled = ([WorkerReport.FromString(r.SerializeToString()) for r in made] for made in both)
    for report in (*in_order, *shuffled):
        report.source.attempt = 1
    assert totals(*shuffled) == totals(*in_order)
