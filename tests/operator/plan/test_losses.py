"""Dollars that were lost to falls."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.status import RunStatus
from tandem_operator.plan.policies import losses

from .world import START, World, run_of

SECOND = timedelta(seconds=1)


def _status(**said: Any) -> RunStatus:
    return RunStatus().model_copy(update=said)


def test_the_time_from_a_fall_to_the_next_step_is_lost_and_so_is_what_the_lost_steps_cost() -> None:
    """A dollar a second: 20 steps in 20 s, fallen for 5 s, 10 steps to do again at a dollar each. Then nothing more is lost."""
    world = World(run_of(budget={"usdPerWorkerHour": 3600}))
    world.settle()
    world.wait(20 * SECOND)
    world.tell(20, resumed_from=0, checkpoint=10)
    world.look()
    world.end("r-1-0", 143)
    world.settle()
    world.wait(3 * SECOND)
    world.tell(10, resumed_from=10)
    assert world.look().status.lost_usd == 13
    world.wait(2 * SECOND)
    world.tell(11)
    assert world.look().status.lost_usd == 15
    world.wait(9 * SECOND)
    status = world.look().status
    assert (status.lost_usd, status.spent_usd) == (15, 34)


def test_steps_cost_what_they_cost_on_average_without_the_time_that_was_lost_already() -> None:
    """Of ten dollars four are lost; 12 steps for six dollars are half a dollar each."""
    before = _status(spent_usd=Decimal(10), lost_usd=Decimal(4), fell_at_step=12, lost_steps=1)
    after = before.model_copy(update={"lost_steps": 4, "fell_at_step": None})
    assert losses.booked(before, after).lost_usd == Decimal("5.5")


def test_a_look_at_which_nothing_was_lost_leaves_the_status_alone() -> None:
    """Not even a copy: shells write only what changed."""
    status = _status(spent_usd=Decimal(10), lost_usd=Decimal(4), fell_at=START)
    assert losses.booked(status, status) is status


@given(
    st.lists(st.tuples(st.decimals(0, 5, places=6), st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=30),
)
def test_never_more_is_lost_than_was_spent(looks: list[tuple[Decimal, int, int, bool]]) -> None:
    """However many falls there are, and however far back each throws the run."""
    status = _status()
    for cost, fell_at_step, again, down in looks:
        before = status.model_copy(update={"fell_at": START if down else None, "fell_at_step": fell_at_step})
        change = {"spent_usd": before.spent_usd + cost, "lost_steps": before.lost_steps + min(again, fell_at_step)}
        status = losses.booked(before, before.model_copy(update=change))
        assert before.lost_usd <= status.lost_usd <= status.spent_usd
