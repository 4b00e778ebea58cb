"""How often runs are looked at for their progress alone: in virtual time, with a processor that looks take time of."""

import asyncio
from collections.abc import Callable

import pytest
from tandem_operator.cluster.turns import pace
from tandem_operator.cluster.turns.queue import Queue, Turn

from tests.operator.cluster.looks import play

EVERY_S = 10.0  # workers report
A_LOOK_S = 0.004  # of processor time, with the status that it writes


async def report(queue: Queue, runs: int, lasts_s: float, then: Callable[[], None] = lambda: None) -> None:
    """So many runs report every ten seconds, evenly spread, for so long; halfway `then` happens."""
    for number in range(int(runs * lasts_s / EVERY_S)):
        if number == int(runs * lasts_s / EVERY_S / 2):
            then()
        queue.add_progress(("team", str(number % runs)))
        await asyncio.sleep(EVERY_S / runs)


@pytest.mark.parametrize("runs", [1000, 5000])
def test_progress_takes_what_is_left_of_its_share(runs: int) -> None:
    """The share is kept with a thousand runs, and each has its turn; of five thousand none has it later, for the share grows with them."""
    share, hearing = pace._SHARE * runs / 1000, 0.012 * runs / 1000

    async def scene(queue: Queue, order: list[str]) -> None:
        await report(queue, runs, 600)
        assert share * 600 * 0.9 <= len(order) * A_LOOK_S + hearing * 600 <= share * 600 * 1.1 + pace._SAVED_S
        assert len(set(order)) == runs

    play(scene, look_s=0, costs_s=A_LOOK_S, besides=hearing)


def test_few_runs_are_looked_at_whenever_they_speak() -> None:
    """Nobody notices a pace where looks cost no more than their share."""

    async def scene(queue: Queue, order: list[str]) -> None:
        await report(queue, 30, 600)
        assert len(order) >= 30 * 59

    play(scene, look_s=0, costs_s=A_LOOK_S)


def test_a_hundred_runs_are_looked_at_every_ten_seconds() -> None:
    """Whatever that costs, and however busy the operator is: it is as often as they speak."""

    async def scene(queue: Queue, order: list[str]) -> None:
        await report(queue, 100, 600)
        assert len(order) >= 100 * 55

    play(scene, look_s=0, costs_s=A_LOOK_S, besides=0.1)


def test_progress_never_stands_still() -> None:
    """An operator that is busy for minutes looks at a run a second all the same, and soon at more once it is calm."""

    async def scene(queue: Queue, order: list[str]) -> None:
        await report(queue, 1000, 300)
        assert 290 <= len(order) <= 400

    play(scene, look_s=0, costs_s=A_LOOK_S, besides=0.5)


def test_what_a_run_has_reached_waits_for_no_pace() -> None:
    """A thousand runs have progressed and wait for their turns; one has a new checkpoint, and is looked at before them."""

    async def scene(queue: Queue, order: list[str]) -> None:
        def saved() -> None:
            queue.add_reached(("team", "saved"))
            looked.append(len(order))

        looked = list[int]()
        await report(queue, 1000, 100, saved)
        assert order.index("saved") == looked[0]

    play(scene, look_s=0, costs_s=A_LOOK_S, besides=0.02)


def test_a_run_that_is_looked_at_anyway_needs_no_turn() -> None:
    """Its progress is taken in with what else there is."""

    async def scene(queue: Queue, order: list[str]) -> None:
        for number in range(100):
            queue.add_progress(("team", str(number)))
        queue.add(("team", "99"))
        await asyncio.sleep(100)
        assert order[0] == "99"
        assert sorted(order, key=int) == [str(number) for number in range(100)]

    play(scene, look_s=0, costs_s=A_LOOK_S)


def test_what_may_wait_with_progress_has_its_turn_with_it() -> None:
    """Of a thousand runs whose regular looks are due at one moment each has its own in turn; what is urgent for one comes first."""

    async def scene(queue: Queue, order: list[str]) -> None:
        for number in range(1000):
            queue.add_later(("team", str(number)), 60, Turn.PROGRESS)
        queue.add_later(("team", "999"), 61)
        await asyncio.sleep(59.9)
        assert order == []
        await asyncio.sleep(2.1)
        assert "999" in order
        assert len(order) <= 3 * pace._LOOKS
        await asyncio.sleep(1000 * A_LOOK_S / pace._SHARE)
        assert sorted(order, key=int) == [str(number) for number in range(1000)]

    play(scene, look_s=0, costs_s=A_LOOK_S)
