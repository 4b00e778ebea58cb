"""The phase table is the whole truth: no way is missing, and none is there that nobody can take."""

import random
from datetime import timedelta

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan import phases
from tandem_operator.plan.phases import WAYS

from .happenings import EVERYTHING, NODES, Happening, happen
from .world import Killed, World, run_of

_SPECS = [
    {"budget": {"usd": 0.5, "usdPerWorkerHour": 36, "onExhausted": "Fail"}},
    {"budget": {"usd": 1, "usdPerWorkerHour": 36}},
    {"deadline": "1m"},
    {"restart": {"maxFailures": 0, "maxNoProgress": 5}},
    {"restart": {"maxFailures": 5, "maxNoProgress": 1}},
    {"minWorkers": 1, "placement": {"shrinkAfter": "1s"}, "restart": {"maxFailures": 50, "maxNoProgress": 50}},
    {"placement": {"onDemandAfter": "1s"}, "restart": {"maxFailures": 50, "maxNoProgress": 50}},
]


_RARE = {
    (RunPhase.SUSPENDED, RunPhase.SUCCEEDED, "AllWorkersDone"),
    (RunPhase.SUSPENDED, RunPhase.FAILED, "BudgetExhausted"),
}
"""Ways that chance finds too seldom; a test below takes each."""


def test_every_way_in_the_table_can_be_taken() -> None:
    """A walk through random worlds, the same each time, takes every way for every reason; that no other is taken, the laws say."""
    dice = random.Random(4)
    untaken = {(way.source, way.target, reason.value) for way in WAYS for reason in way.reasons} - _RARE
    for turn in range(2000):
        untaken -= _taken(dice, World(run_of(workers=dice.randint(1, 2), **_SPECS[turn % len(_SPECS)]), NODES))
        if not untaken:
            return
    pytest.fail(f"nobody ever took {sorted(untaken)}")


def _taken(dice: random.Random, world: World) -> set[tuple[RunPhase, RunPhase, str]]:
    """The ways that a run takes, in a random world, until it is over."""
    taken: set[tuple[RunPhase, RunPhase, str]] = set()
    for _ in range(25):
        before = world.run.status.phase
        happen(world, Happening(dice.choice(EVERYTHING), dice.randrange(6), dice.choice((1, 1, 20))))
        world.look(dice.choice((Killed.NEVER, Killed.NEVER, Killed.NEVER, *Killed)))
        taken.add((before, world.run.status.phase, world.run.status.reason))
        if world.run.status.phase.terminal:
            break
    return taken


def test_a_run_that_rests_is_done_when_a_lost_machine_comes_back_with_all_work_done() -> None:
    """Suspended without its worker being heard of; what it did meanwhile is the end of the run, not a defect."""
    world = World(run_of(), NODES)
    world.settle()
    (worker,) = world.live()
    world.silence(worker.node)
    world.edit(suspend=True)
    world.settle()
    world.wait(timedelta(minutes=10))
    world.settle()
    assert world.run.status.phase is RunPhase.SUSPENDED
    world.hear(worker.node)
    world.end(worker.name, 0)
    world.settle()
    assert (world.run.status.phase, world.run.status.reason) == (RunPhase.SUCCEEDED, "AllWorkersDone")


def test_a_change_of_a_run_that_has_ended_is_told_to_be_too_late() -> None:
    """Once, since nothing comes of it."""
    world = World(run_of(), NODES)
    world.settle()
    (worker,) = world.live()
    world.end(worker.name, 0)
    world.settle()
    assert world.run.status.phase is RunPhase.SUCCEEDED
    world.edit(suspend=True)
    told = [[event.reason for event in world.look().events] for _ in range(2)]
    assert told == [["ChangeIgnored"], []]
    assert world.run.status.phase is RunPhase.SUCCEEDED


def test_a_run_that_rests_fails_by_a_budget_that_is_made_smaller() -> None:
    """`onExhausted: Fail` holds for a run that spends nothing any more, too."""
    world = World(run_of(**_SPECS[0]), NODES)
    world.settle()
    world.wait(timedelta(seconds=20))
    world.edit(suspend=True)
    world.settle()
    world.leave()
    world.settle()
    assert world.run.status.phase is RunPhase.SUSPENDED
    world.edit(budget={"usd": 0.1})
    world.settle()
    assert (world.run.status.phase, world.run.status.reason) == (RunPhase.FAILED, "BudgetExhausted")


def test_the_picture_shows_every_way_and_every_reason() -> None:
    """The diagram is drawn from the table, in mermaid's words."""
    lines = phases.diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    for way in WAYS:
        assert f"    {way.source} --> {way.target}: {', '.join(way.reasons)}" in lines
    assert lines.count("    Succeeded --> [*]") == lines.count("    Failed --> [*]") == 1


def test_nothing_leads_out_of_the_end() -> None:
    """No way begins in a terminal phase."""
    assert not [way for way in WAYS if way.source in {RunPhase.SUCCEEDED, RunPhase.FAILED}]
