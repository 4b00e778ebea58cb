"""What `tandem plan` tells before anything is started."""

from datetime import timedelta
from decimal import Decimal

from tandem_operator.plan.preview import preview

from .world import World, run_of

PHASES = [
    {"name": "short", "tokens": 10_000, "batchSize": 8, "contextLength": 128},
    {"name": "long", "steps": 5, "batchSize": 8, "contextLength": 512},
]


def test_phases_come_with_their_steps_and_tokens() -> None:
    """Whole steps: ten thousand tokens are ten steps of 1024."""
    seen = preview(run_of(phases=PHASES), hours=Decimal(1))
    assert [(phase.name, phase.steps, phase.tokens) for phase in seen.phases] == [("short", 10, 10_240), ("long", 5, 20_480)]
    assert (seen.steps, seen.tokens) == (15, 30_720)


def test_dollars_are_those_of_all_workers_and_say_how_long_the_budget_lasts() -> None:
    """Two workers at 1.50 an hour: 3 an hour, 12 in four hours, and a budget of 6 lasts two."""
    seen = preview(run_of(workers=2, budget={"usd": 6, "usdPerWorkerHour": 1.5}), hours=Decimal(4))
    assert (seen.usd_per_hour, seen.usd, seen.budget_left_usd, seen.budget_lasts) == (3, 12, 6, timedelta(hours=2))


def test_without_a_price_or_a_limit_the_budget_lasts_for_ever() -> None:
    """No division by nothing."""
    assert preview(run_of(budget={"usd": 6, "usdPerWorkerHour": 0}), hours=Decimal(1)).budget_lasts is None
    assert preview(run_of(budget={"usd": 6}), hours=Decimal(1)).budget_lasts is None
    assert preview(run_of(budget={"usdPerWorkerHour": 6}), hours=Decimal(1)).budget_left_usd is None


def test_it_is_the_next_attempt_that_is_shown_and_the_planner_starts_the_same_workers() -> None:
    """Names and environment are those that a shell would be given."""
    world = World(run_of(workers=2))
    shown = preview(world.run, hours=Decimal(1)).workers
    assert world.look().start == shown
