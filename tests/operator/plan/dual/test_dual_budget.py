"""What becomes of a DualRun whose money comes to an end, and of one that is given more or less of it."""

from dataclasses import replace

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.conditions import reason_of
from tandem_operator.plan.dual.values import Role

from tests.operator.plan.dual.runs import CLOUD, LOCAL
from tests.operator.plan.dual.world import running, standing

BY_TOKEN = {**CLOUD, "price": {"usdPerMillionInputTokens": 0.1}}


@pytest.mark.parametrize("then", ["Suspend", "Fail"])
def test_what_is_left_of_a_budget_and_does_not_reach_is_named(then: str) -> None:
    """The coordinator finds that out before all is spent: a call may cost more than what is left."""
    world = running(budget={"usd": 1.0, "onExhausted": then})
    world.answer(1, usd="0.75")
    world.tell()
    assert world.report is not None
    world.report = replace(world.report, reason="BudgetExhausted")
    world.settle()
    message = world.run.status.message
    assert "the budget of $1.00 is spent, for another call may cost more than the $0.25 that are left" in message
    assert ("raise spec.budget.usd" in message) is (then == "Suspend")


@pytest.mark.parametrize(("then", "phase"), [("Suspend", RunPhase.SUSPENDED), ("Fail", RunPhase.FAILED), ("LocalOnly", RunPhase.RUNNING)])
def test_the_end_of_the_money_is_what_the_run_says(then: str, phase: RunPhase) -> None:
    """Suspend and Fail end it; LocalOnly goes on, and says so."""
    world = running(budget={"usd": 1.0, "onExhausted": then}, lanes=[BY_TOKEN, LOCAL])
    world.answer(5, usd="1")
    world.up()
    assert (world.run.status.phase, reason_of(world.run.status, "BudgetOK")) == (phase, "Exhausted")


@pytest.mark.parametrize("lanes", [[CLOUD, LOCAL], [BY_TOKEN, {**LOCAL, "price": {"usdPerMillionOutputTokens": 0.01}}]])
def test_nothing_goes_on_beyond_the_budget_that_costs(lanes: list[dict[str, object]]) -> None:
    """A lane that costs some by the hour, whoever is asked, or by the token, where no other is local: then LocalOnly ends like Suspend."""
    world = running(budget={"usd": 1.0, "onExhausted": "LocalOnly"}, lanes=lanes)
    world.answer(5, usd="1")
    world.up()
    assert standing(world) == (RunPhase.SUSPENDED, "BudgetExhausted")


def test_money_that_comes_back_is_there_again() -> None:
    """The coordinator took a call for paid that nobody could tell about, and it was not: no budget was at its end."""
    world = running(budget={"usd": 1.0, "onExhausted": "LocalOnly"}, lanes=[BY_TOKEN, LOCAL])
    world.answer(1, usd="0.75")
    world.tell()
    assert world.report is not None
    told = world.report
    world.report = replace(told, reason="BudgetExhausted")
    world.look()
    assert world.run.status.exhausted_usd == 1
    world.report = told
    world.look()
    assert world.run.status.exhausted_usd is None


def test_a_larger_budget_lets_a_run_go_on() -> None:
    """Even though the last word of the old coordinator was that there is no money left."""
    world = running(budget={"usd": 1.0, "onExhausted": "Suspend"})
    world.answer(5, usd="1")
    world.up()
    world.wait(10)
    world.edit(budget={"usd": 2.0, "onExhausted": "Suspend"})
    world.up()
    assert standing(world) == (RunPhase.RUNNING, "PartsUp")
    assert reason_of(world.run.status, "BudgetOK") == "WithinBudget"


@pytest.mark.parametrize(("then", "phase"), [("Suspend", RunPhase.SUSPENDED), ("Fail", RunPhase.FAILED), ("LocalOnly", RunPhase.RUNNING)])
def test_a_budget_below_what_is_spent_is_spent(then: str, phase: RunPhase) -> None:
    """A limit that is lowered while the run is under way ends it as any other, and the run says which limit."""
    world = running(budget={"usd": 10, "onExhausted": then}, lanes=[BY_TOKEN, LOCAL])
    world.answer(5, usd="5")
    world.tell()
    world.look()
    world.edit(budget={"usd": 4, "onExhausted": then})
    world.up()
    assert (world.run.status.phase, reason_of(world.run.status, "BudgetOK")) == (phase, "Exhausted")


def test_another_budget_reaches_the_coordinator_by_another_start() -> None:
    """Nobody else is started again, and the new one waits until the old one has left the books."""
    world = running(budget={"usd": 10})
    others = {part.name for part in world.live() if part.role is not Role.COORDINATOR}
    world.edit(budget={"usd": 8})
    world.look()
    assert world.look().start == ()
    world.up()
    (coordinator,) = world.live(Role.COORDINATOR)
    assert (coordinator.name, world.report and world.report.cap_usd) == ("pair-coordinator-0-2", 8)
    assert others == {part.name for part in world.live() if part.role is not Role.COORDINATOR}
    assert world.run.status.phase is RunPhase.RUNNING


def test_the_end_of_an_old_budget_is_not_that_of_a_larger_one() -> None:
    """A coordinator that reaches the limit that it was started with has said nothing of the one that is written by now."""
    world = running(budget={"usd": 5, "onExhausted": "Fail"})
    world.answer(5, usd="5")
    world.edit(budget={"usd": 10, "onExhausted": "Fail"})
    world.tell()
    world.look()
    world.up()
    assert (world.run.status.phase, reason_of(world.run.status, "BudgetOK")) == (RunPhase.RUNNING, "WithinBudget")
