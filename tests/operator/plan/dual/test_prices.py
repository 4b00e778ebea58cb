"""A DualRun whose limit does not hold over the machines of its own servers says so."""

from dataclasses import replace
from typing import Any

import pytest
from tandem_operator.api.status import Condition, RunPhase
from tandem_operator.plan.conditions import known
from tandem_operator.plan.dual.values import Role
from tandem_operator.plan.values import EventKind

from tests.operator.plan.dual.runs import CLOUD, LOCAL
from tests.operator.plan.dual.world import World, running


def on_a_cluster(**spec: Any) -> World:
    """A run whose parts are up, each on a machine of a cluster; nothing was looked at since."""
    world = running(**spec)
    world.parts = {name: replace(part, node="n") for name, part in world.parts.items()}
    return world


def budget(world: World) -> Condition:
    found = known(world.run.status, "BudgetOK")
    assert found
    return found


def test_a_server_of_ours_whose_lane_has_no_price() -> None:
    """It is told once, with the field that helps, and stands while the run rests; with a price all is counted."""
    world = on_a_cluster(budget={"usd": 5})
    events = [event for _ in range(3) for event in world.look().events]
    field = "spec.lanes[1].price.usdPerHour"
    message = (
        "what node n costs is not known, so it counts as free and spec.budget.usd does not limit it: "
        f"set {field} to what the lane's machines cost an hour, such as 1.50, or to 0 if they are free"
    )
    assert [(event.kind, event.reason, event.message) for event in events] == [(EventKind.WARNING, "NoPrice", message)]
    assert (budget(world).status, budget(world).reason, budget(world).message) == ("Unknown", "NoPrice", message)
    world.edit(suspend=True)
    world.up()
    assert (world.run.status.phase, budget(world).reason) == (RunPhase.SUSPENDED, "NoPrice")
    world.edit(lanes=[CLOUD, {**LOCAL, "price": {"usdPerHour": 2}}])
    world.look()
    assert (budget(world).status, budget(world).reason) == ("True", "WithinBudget")


@pytest.mark.parametrize(
    ("lanes", "limit", "reason"),
    [
        ([CLOUD, {**LOCAL, "price": {"usdPerHour": 0}}], {"usd": 5}, "WithinBudget"),
        ([CLOUD, {"name": "local", "kind": "Local", "url": "http://desk:1/v1", "model": "m"}], {"usd": 5}, "WithinBudget"),
        ([CLOUD, LOCAL], {}, "Unlimited"),
    ],
)
def test_who_needs_no_price(lanes: list[dict[str, Any]], limit: dict[str, int], reason: str) -> None:
    """A lane that is said to cost nothing, a server of somebody else's, and a run without a limit."""
    world = on_a_cluster(lanes=lanes, budget=limit)
    world.look()
    assert (budget(world).status, budget(world).reason) == ("True", reason)


def test_on_one_machine_and_before_a_server_is_up() -> None:
    """The machine of whoever runs it is theirs; one that a server only comes to costs nothing yet."""
    world = running(budget={"usd": 5})
    world.look()
    assert budget(world).reason == "WithinBudget"
    world = on_a_cluster(budget={"usd": 5})
    world.parts = {name: part for name, part in world.parts.items() if part.role is not Role.ENGINE}
    world.look()
    assert budget(world).reason == "WithinBudget"
