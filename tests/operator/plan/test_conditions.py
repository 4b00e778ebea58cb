"""Conditions as KEP-1623 wants them."""

from datetime import timedelta

from .world import START, World, run_of

TYPES = ["Accepted", "Scheduled", "Running", "Checkpointed", "BudgetOK", "Interrupted", "Suspended", "Complete", "Failed"]


def _said(world: World) -> dict[str, tuple[str, str, timedelta]]:
    conditions = world.run.status.conditions
    return {condition.type: (condition.status, condition.reason, condition.last_transition_time - START) for condition in conditions}


def test_all_conditions_are_there_from_the_first_look() -> None:
    """`kubectl wait` can wait for any of them at any time."""
    world = World(run_of())
    conditions = world.look().status.conditions
    assert [condition.type for condition in conditions] == TYPES
    assert all(condition.observed_generation == 1 for condition in conditions)


def test_the_transition_time_moves_with_the_status_and_with_nothing_else() -> None:
    """Warned at 4 s, exhausted at 5 s: the reason changes twice, the status once."""
    world = World(run_of(budget={"usd": 5, "usdPerWorkerHour": 3600}))
    world.settle()
    assert _said(world)["BudgetOK"] == ("True", "WithinBudget", timedelta(0))
    world.wait(timedelta(seconds=4))
    world.look()
    assert _said(world)["BudgetOK"] == ("True", "NearlyExhausted", timedelta(0))
    world.wait(timedelta(seconds=1))
    world.look()
    assert _said(world)["BudgetOK"] == ("False", "Exhausted", timedelta(seconds=5))


def test_a_run_is_interrupted_from_the_notice_until_it_runs_again() -> None:
    """True while workers leave and while the next attempt starts; the reason says what happened."""
    world = World(run_of(workers=2))
    world.settle()
    world.disrupt("r-1-0")
    world.look()
    assert _said(world)["Interrupted"][:2] == ("True", "Interrupted")
    world.leave()
    world.look()
    assert _said(world)["Interrupted"][:2] == ("True", "Interrupted")
    world.settle()
    assert _said(world)["Interrupted"][:2] == ("False", "Undisturbed")
    assert _said(world)["Running"][0] == "True"


def test_a_checkpoint_is_named_with_its_step_and_address() -> None:
    """The message is what a person would ask for next."""
    world = World(run_of())
    world.settle()
    world.tell(5, resumed_from=0, checkpoint=5)
    world.look()
    (condition,) = [condition for condition in world.run.status.conditions if condition.type == "Checkpointed"]
    assert (condition.status, condition.message) == ("True", "step 5: file:///checkpoints/5")
