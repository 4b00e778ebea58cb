"""When the next look is due."""

from dataclasses import replace
from datetime import timedelta

from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import Seen, Tier, Waiting

from .world import START, World, run_of


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
