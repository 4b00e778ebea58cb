"""How often DualRuns are looked at for what their coordinators say: in virtual time, with a processor that looks take time of."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tandem_operator.api.dual_run import DualBudgetSpec
from tandem_operator.api.dual_status import LaneState, LaneStatus, MemoryState, MemoryStatus
from tandem_operator.cluster.dual.news import News
from tandem_operator.cluster.turns import pace
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.plan.dual.values import DualReport

from tests.operator.cluster.looks import play
from tests.operator.plan.dual.runs import T0

EVERY_S = 0.5  # a coordinator speaks
A_LOOK_S = 0.004  # of processor time, with the status that it writes
BUDGET = DualBudgetSpec(usd=Decimal(10))
UNDER_WAY = DualReport(
    at=T0,
    total=100,
    cap_usd=Decimal(10),
    lanes=(LaneStatus(name="local", state=LaneState.READY), LaneStatus(name="cloud", state=LaneState.READY)),
    memory=MemoryStatus(state=MemoryState.READY),
)


def going_on(number: int, at_s: float) -> DualReport:
    """A word that says no more than that questions are being answered, one every ten seconds."""
    at, done = T0 + timedelta(seconds=at_s), int(at_s / 10)
    return replace(UNDER_WAY, at=at, done=done, spent_usd=Decimal(done) / 10, reserved_usd=Decimal(number % 7), eta_seconds=1000 - at_s)


async def progress(queue: Queue, runs: int, lasts_s: float, then: Callable[[News], None] = lambda _: None) -> None:
    """So many runs speak twice a second, evenly spread, for so long; halfway `then` happens."""
    news, words = News(queue), int(runs * lasts_s / EVERY_S)
    for number in range(words):
        if number == words // 2:
            then(news)
        news.heard(("team", str(number % runs)), going_on(number, number * EVERY_S / runs), BUDGET)
        await asyncio.sleep(EVERY_S / runs)


def test_progress_takes_what_is_left_of_its_share() -> None:
    """Runs that only go on: all together they have no more looks than those that train, however often they speak, each in its turn."""
    runs, lasts_s = 250, 60.0

    async def scene(queue: Queue, order: list[str]) -> None:
        await progress(queue, runs, lasts_s)
        began, went_on = order[:runs], order[runs:]
        assert sorted(began, key=int) == [str(number) for number in range(runs)]
        assert 1 <= len(went_on) * A_LOOK_S <= pace._SHARE * lasts_s * 1.1 + pace._SAVED_S
        assert len(set(went_on)) == min(runs, len(went_on))

    play(scene, look_s=0, costs_s=A_LOOK_S)


def test_few_runs_are_looked_at_every_second() -> None:
    """Nobody notices a pace where looks cost no more than their share; nor is a run looked at whenever it speaks."""

    async def scene(queue: Queue, order: list[str]) -> None:
        await progress(queue, 4, 90)
        assert 4 * 50 <= len(order) <= 4 * 91

    play(scene, look_s=0, costs_s=A_LOOK_S)


@pytest.mark.parametrize(
    "said",
    [
        {"done": 97, "failed": 3},
        {"spent_usd": Decimal(8)},
        {"spent_usd": Decimal(10)},
        {"reason": "BudgetExhausted"},
        {"cap_usd": Decimal(20)},
        {"lanes": (LaneStatus(name="local", state=LaneState.OPEN), LaneStatus(name="cloud", state=LaneState.READY))},
        {"memory": MemoryStatus(state=MemoryState.AWAY)},
    ],
    ids="-".join,
)
def test_what_a_run_has_reached_waits_for_no_pace(said: dict[str, Any]) -> None:
    """Two hundred runs have gone on and wait for their turns; of one there is something to tell, and it is looked at before them."""

    async def scene(queue: Queue, order: list[str]) -> None:
        def reached(news: News) -> None:
            looked.append(len(order))
            news.heard(("team", "7"), replace(UNDER_WAY, **said), BUDGET)

        looked = list[int]()
        await progress(queue, 200, 10, reached)
        assert order[looked[0]] == "7"

    play(scene, look_s=0, costs_s=A_LOOK_S, besides=0.02)


def test_a_lane_that_is_asked_more_slowly_has_reached_nothing() -> None:
    """That is everyday with a provider under load, and would have a run looked at twice a second."""

    async def scene(queue: Queue, order: list[str]) -> None:
        def slowed(news: News) -> None:
            lanes = (LaneStatus(name="local", state=LaneState.READY), LaneStatus(name="cloud", state=LaneState.THROTTLED))
            news.heard(("team", "7"), replace(UNDER_WAY, lanes=lanes), BUDGET)
            looked.append(len(order))

        looked = list[int]()
        await progress(queue, 200, 10, slowed)
        assert order[looked[0]] != "7"

    play(scene, look_s=0, costs_s=A_LOOK_S, besides=0.02)
