"""Watchers see all that is known, then every change, in bounded memory."""

import threading
from collections.abc import Callable

import pytest
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_telemetry.board import Board, Filter, Subscription
from tandem_telemetry.registry import Registry

from tests.clocks import Clock

Make = Callable[..., WorkerReport]


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(Registry(expire_s=100, most_runs=100), clock)


def told(subscription: Subscription, count: int) -> list[tuple[str, int]]:
    """Run and step of the next `count` changes, which come in one burst; step -1 when it was forgotten."""
    burst = next(iter(subscription))
    found = [(report.source.run, report.step) for report in burst.reports] + [(source.run, -1) for source in burst.forgotten]
    assert len(found) == count
    return found


def test_a_watcher_begins_with_all_that_is_known(board: Board, make: Make) -> None:
    """What was reported before it came is told first, what comes later follows."""
    board.take(make(1, run="a", step=1))
    with board.watch(Filter()) as subscription:
        board.take(make(1, run="b", step=2))
        assert told(subscription, 2) == [("a", 1), ("b", 2)]
        assert subscription.waiting == 0


def test_a_slow_watcher_gets_the_newest_of_each_run(board: Board, make: Make) -> None:
    """A thousand changes of two runs wait as two, and are told as they are now."""
    with board.watch(Filter()) as subscription:
        for step in range(1, 501):
            board.take(make(step, run="a", step=step))
            board.take(make(step, run="b", step=step))
        assert subscription.waiting == 2
        assert told(subscription, 2) == [("a", 500), ("b", 500)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(Filter(), {"a", "b"}), (Filter(run="a"), {"a"}), (Filter(namespace="team"), {"a", "b"}), (Filter(namespace="x"), set())],
)
def test_a_watcher_is_told_what_it_asked_for(board: Board, make: Make, wanted: Filter, expected: set[str]) -> None:
    """Empty means all; both namespace and run must match."""
    board.take(make(1, run="a"))
    with board.watch(wanted) as subscription:
        board.take(make(1, run="b"))
        there = subscription.waiting
        assert {run for run, _ in (told(subscription, there) if there else ())} == expected


def test_watchers_hear_of_what_is_forgotten(board: Board, clock: Clock, make: Make) -> None:
    """A run that expires is said to be gone, in place of what was not told of it yet."""
    with board.watch(Filter()) as subscription:
        board.take(make(1, run="a", step=1))
        clock.now = 100
        board.forget()
        assert told(subscription, 1) == [("a", -1)]
        assert subscription.waiting == 0
        assert not board.runs()


def test_old_news_is_no_news(board: Board, make: Make) -> None:
    """A report of a past attempt is not told."""
    board.take(make(2, attempt=2, step=1))
    with board.watch(Filter()) as subscription:
        told(subscription, 1)
        board.take(make(3, attempt=1, step=9))
        assert subscription.waiting == 0


def test_a_waiting_watcher_is_woken_by_news_and_by_the_end(board: Board, make: Make) -> None:
    """Its thread sleeps until something happens, and ends when the board closes; whoever comes later ends at once."""
    seen: list[int] = []
    with board.watch(Filter()) as subscription:
        heard = threading.Event()

        def listen() -> None:
            for burst in subscription:
                seen.extend(report.step for report in burst.reports)
                heard.set()

        thread = threading.Thread(target=listen)
        thread.start()
        board.take(make(1, step=7))
        assert heard.wait(300)
        board.close()
        thread.join(300)
        assert not thread.is_alive()
    assert seen == [7]
    with board.watch(Filter()) as late:
        assert list(late) == []


def test_nothing_is_left_of_a_watcher_that_left(board: Board, make: Make) -> None:
    """What nobody waits for is not kept."""
    with board.watch(Filter()) as subscription:
        pass
    board.take(make(1))
    assert subscription.waiting == 0


def test_a_watcher_with_a_pause_hears_in_bursts(board: Board, make: Make) -> None:
    """What a run says while the watcher pauses is told as one, its newest; the end is not held up by a pause."""
    with board.watch(Filter(), 60.0) as subscription:
        told = iter(subscription)
        board.take(make(step=1))
        assert [report.step for report in next(told).reports] == [1]
        heard: list[int] = []
        listening = threading.Thread(target=lambda: heard.extend(len(burst.reports) for burst in told))
        listening.start()
        board.take(make(step=2))
        board.take(make(step=3))
        assert subscription.waiting == 1
        subscription.end()
        listening.join(300)
        assert not listening.is_alive()
        assert heard == []


def test_a_burst_is_one_message(board: Board, make: Make) -> None:
    """News of many runs comes together, in the order in which it came."""
    with board.watch(Filter()) as subscription:
        for number in range(100):
            board.take(make(1, run=f"run-{number}"))
        burst = next(iter(subscription))
        assert [report.source.run for report in burst.reports] == [f"run-{number}" for number in range(100)]


def test_a_burst_has_its_bounds(make: Make) -> None:
    """Of more runs than a message holds the rest follows, however long the watcher pauses between bursts."""
    subscription = Subscription(Filter(), pause_s=3600)
    for number in range(1500):
        report = make(1, run=f"run-{number}")
        subscription.put(report.source, report)
    bursts = iter(subscription)
    assert [len(next(bursts).reports), len(next(bursts).reports)] == [1000, 500]
