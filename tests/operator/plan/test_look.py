"""When the next look is due."""

from dataclasses import replace
from datetime import timedelta

from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen, Tier, Waiting

from .world import START, World, run_of

MINUTE = timedelta(minutes=1)


def test_a_regular_look_may_wait_but_not_beyond_what_time_itself_brings() -> None:
    """A run that runs undisturbed is not hurried; when its money is spent or its time is over is known, and not overslept."""
    world = World(run_of(budget={"usd": 10, "usdPerWorkerHour": 60}, workers=1))
    made = world.settle()
    assert (made.unhurried, made.look_again) == (True, MINUTE)
    assert made.at_latest is not None
    assert MINUTE < made.at_latest < 10 * MINUTE
    endless = World(run_of(workers=1)).settle()
    assert (endless.unhurried, endless.at_latest) == (True, None)


def test_workers_that_were_just_started_are_seen_soon() -> None:
    """Those that were refused are not: when to ask again is for whoever was refused to know."""
    world = World(run_of())
    world.look()
    seen = Seen()
    made = plan(world.run, seen, START)
    assert made.start
    assert made.look_again == timedelta(seconds=1)
    refused = plan(world.run, replace(seen, refused=Waiting(tier=Tier.QUOTA)), START)
    assert refused.start
    assert refused.look_again == timedelta(minutes=1)
