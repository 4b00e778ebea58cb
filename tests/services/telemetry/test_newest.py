"""Which word about a run counts."""

from collections.abc import Callable
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st
from tandem.telemetry.v1.telemetry_pb2 import Source, WorkerReport
from tandem_telemetry.newest import Kept, Newest, merged

numbers = st.one_of(st.none(), st.integers(0, 3))


@st.composite
def reports(draw: st.DrawFn) -> list[WorkerReport]:
    """Reports of one run, of several attempts and ranks, no two made at the same time."""
    made = []
    for at in range(1, draw(st.integers(1, 8)) + 1):
        report = WorkerReport(source=Source(namespace="n", run="r", attempt=draw(st.integers(1, 3)), rank=draw(st.integers(0, 1))))
        report.at.FromSeconds(at)
        for name in ("step", "loss", "spikes"):
            if (value := draw(numbers)) is not None:
                setattr(report, name, value)
        if (step := draw(numbers)) is not None:
            report.checkpoint.step = step
        made.append(report)
    return made


def known_after(told: list[WorkerReport]) -> WorkerReport:
    newest: Newest | None = reduce(merged, told, None)
    assert newest
    return newest.report


@given(reports().flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
def test_the_order_of_arrival_does_not_matter(both: tuple[list[WorkerReport], list[WorkerReport]]) -> None:
    """Late and early reports, of any rank and attempt, end in the same knowledge as reports in the order they were made."""
    in_order, shuffled = both
    assert known_after(shuffled) == known_after(in_order)


@given(reports())
def test_telling_twice_adds_nothing(made: list[WorkerReport]) -> None:
    """A reporter that says everything again after a break changes nothing."""
    assert known_after(made + made) == known_after(made)


@given(reports())
def test_every_field_is_the_newest_of_the_highest_attempt(made: list[WorkerReport]) -> None:
    """Field by field: what the newest report of the highest attempt that has the field says."""
    highest = max(report.source.attempt for report in made)
    current = [report for report in made if report.source.attempt == highest]
    known = known_after(made)
    for name in ("step", "loss", "spikes", "checkpoint"):
        said = [getattr(report, name) for report in current if report.HasField(name)]
        assert known.HasField(name) == bool(said)
        assert not said or getattr(known, name) == said[-1]


@given(reports().flatmap(st.permutations))
def test_what_is_kept_small_is_the_same(made: list[WorkerReport]) -> None:
    """Whoever keeps it small in between knows the same, and since when."""
    newest: Newest | None = None
    for report in made:
        newest = merged(newest, report)
        assert Kept.of(newest).newest() == newest


def test_what_is_known_is_never_changed(make: Callable[..., WorkerReport]) -> None:
    """Reports that threads share stay as they are when newer ones come."""
    first = merged(None, make(1, step=1))
    second = merged(first, make(2, step=2))
    assert (first.report.step, second.report.step) == (1, 2)


def test_a_run_made_anew_under_the_same_name_counts_from_one(make: Callable[..., WorkerReport]) -> None:
    """The later run is believed although its attempt is lower; what lingers of the older one is not."""
    old, new, lingering = make(5, uid="old", attempt=7, step=70), make(6, uid="new", attempt=1, loss=1.0), make(4, uid="old", attempt=8)
    known = known_after([old, new, lingering])
    assert (known.source.uid, known.source.attempt, known.HasField("step")) == ("new", 1, False)


def test_a_report_without_a_uid_goes_by_the_name(make: Callable[..., WorkerReport]) -> None:
    """Programs that know no uid can still report about a run."""
    assert known_after([make(1, uid="u", step=1), make(2, loss=2.0)]).step == 1
