"""What is kept, and for how long, by a clock that tests turn themselves."""

from collections.abc import Callable

import pytest
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_telemetry.registry import Registry, TooManyRunsError

Make = Callable[..., WorkerReport]


def test_a_silent_run_is_forgotten(make: Make) -> None:
    """A run is dropped as soon as it was silent for the time allowed, and not before; others stay."""
    registry = Registry(expire_s=100, most_runs=10)
    registry.take(make(1, run="silent"), 0)
    registry.take(make(1, run="loud"), 0)
    registry.take(make(2, run="loud"), 50)
    assert registry.forget(99.9) == ()
    assert [source.run for source in registry.forget(100)] == ["silent"]
    assert list(registry.runs) == [("team", "loud")]
    assert registry.forget(100) == ()


def test_a_straggler_keeps_its_run_alive_but_changes_nothing(make: Make) -> None:
    """A report of a past attempt is no news, and yet a sign of life."""
    registry = Registry(expire_s=100, most_runs=10)
    registry.take(make(5, attempt=2, step=5), 0)
    assert registry.take(make(9, attempt=1, step=9), 80) is None
    assert registry.forget(150) == ()
    assert registry.runs["team", "run"].report.step == 5


def test_news_is_what_is_known_now(make: Make) -> None:
    """What watchers are told is the newest report, filled up with what older ones said."""
    registry = Registry(expire_s=100, most_runs=10)
    registry.take(make(1, loss=1.0), 0)
    news = registry.take(make(2, step=3), 0)
    assert news
    assert (news.loss, news.step) == (1.0, 3)


def test_there_is_an_end_to_what_is_kept(make: Make) -> None:
    """A run too many is refused; those that are known go on; a run forgotten makes room."""
    registry = Registry(expire_s=100, most_runs=2)
    for run in ("one", "two"):
        registry.take(make(1, run=run), 0)
    with pytest.raises(TooManyRunsError):
        registry.take(make(1, run="three"), 0)
    registry.take(make(2, run="one"), 100)
    registry.forget(100)
    registry.take(make(1, run="three"), 100)
    assert set(registry.runs) == {("team", "one"), ("team", "three")}
