"""Whom an edit of a running DualRun reaches: whoever was told something else is started anew, and nobody besides."""

from typing import Any

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.dual.told import told
from tandem_operator.plan.dual.values import Role, Slot

from tests.operator.plan.dual.runs import CLOUD, LOCAL, dual
from tests.operator.plan.dual.world import running

ALL = {"engine", "coordinator", "worker"}
OTHER_ENGINE = {**LOCAL, "engine": {**LOCAL["engine"], "model": "models/newer"}}
OTHER_KEY = {**CLOUD, "apiKeyVariable": "NEW_KEY"}


@pytest.mark.parametrize(
    ("edit", "reached"),
    [
        ({"routing": {"policy": "Local"}}, {"coordinator"}),
        ({"deadline": "2h"}, {"coordinator"}),
        ({"questions": {"source": "questions.jsonl", "limit": 5}}, {"coordinator"}),
        ({"lanes": [OTHER_KEY, LOCAL]}, {"coordinator", "worker"}),
        ({"lanes": [CLOUD, OTHER_ENGINE]}, ALL),
        ({"pod": {"cpu": "2"}}, ALL),
        ({"ttlSecondsAfterFinished": 60}, set()),
        ({"noProgressAfter": "1h"}, set()),
        ({"workers": 3}, set()),
    ],
)
def test_an_edit_reaches_those_whom_it_concerns(edit: dict[str, Any], reached: set[str]) -> None:
    """By another start of theirs; the run goes on meanwhile, and in the end everybody is up."""
    world = running()
    before = {part.slot: part.start for part in world.live()}
    world.edit(**edit)
    world.up()
    world.up()
    after = {part.slot: part.start for part in world.live()}
    assert {name.rpartition("-")[0] for name, start in before.items() if after[name] > start} == reached
    assert {name.rpartition("-")[0] for name, start in before.items() if after[name] == start} == ALL - reached
    assert world.run.status.phase is RunPhase.RUNNING


def test_one_engine_more_leaves_the_others_alone() -> None:
    """It is started beside them, and those who ask hear of its address."""
    world = running()
    world.edit(lanes=[CLOUD, {**LOCAL, "engine": {**LOCAL["engine"], "instances": 3}}])
    world.up()
    world.up()
    assert {part.slot: part.start for part in world.live(Role.ENGINE)} == {"engine-0": 1, "engine-1": 1, "engine-2": 1}
    assert [part.start for part in world.live(Role.COORDINATOR)] == [2]


def test_what_is_as_usual_is_not_told_apart() -> None:
    """Writing a default out is no edit, and a run of an operator that told its parts in other words is restarted once, not for ever."""
    slot = Slot(role=Role.COORDINATOR)
    assert told(slot, dual(), "t") == told(slot, dual(tries=4, hedge=True), "t") != told(slot, dual(tries=3), "t")
    world = running()
    old = tuple(part.model_copy(update={"told": "5 LocalOnly"}) for part in world.run.status.parts)
    world.run = world.run.model_copy(update={"status": world.run.status.model_copy(update={"parts": old})})
    world.up()
    world.up()
    assert {part.start for part in world.live()} == {2}
    world.up()
    assert {part.start for part in world.live()} == {2}
