"""Conditions as KEP-1623 wants them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.conditions import known
from tandem_operator.plan.values import EventKind, SeenNode

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


def test_a_run_that_is_not_heard_of_is_said_to_be_so() -> None:
    """Its workers may train where no report arrives from: who waits for a step is told where to look. One report is enough."""
    world = World(run_of())
    world.settle()
    world.wait(timedelta(minutes=5))
    running = known(world.look().status, "Running")
    assert running
    assert running.message.startswith("its workers have reported nothing yet")
    assert (running.status, running.last_transition_time) == ("True", START)
    world.tell(1, resumed_from=0, tokens_per_second=10.0)
    running = known(world.look().status, "Running")
    assert running
    assert running.message == ""
    world.report = None  # the operator begins anew, and telemetry has not told it anything yet
    running = known(world.look().status, "Running")
    assert running
    assert running.message == ""


@pytest.mark.parametrize(("price", "said"), [(0, "spec.budget.usdPerWorkerHour is 0"), (1, "")])
def test_a_budget_says_what_it_does_not_count(price: int, said: str) -> None:
    """Nothing is a price, and a limit over it limits nothing."""
    world = World(run_of(budget={"usd": 5, "usdPerWorkerHour": price}))
    world.settle()
    found = known(world.run.status, "BudgetOK")
    assert found
    assert found.status == "True"
    assert found.message.endswith(said)
    assert bool(found.message) is bool(said)


def test_a_budget_that_is_nearly_filled_is_said_to_be_so_whatever_has_no_price() -> None:
    """What is known to be spent already is worth the warning; what nobody knows only adds to it."""
    world = World(run_of(workers=2, budget={"usd": 5}), [SeenNode(name="n")])
    world.settle()
    spent = world.run.status.model_copy(update={"spent_usd": Decimal("4.5")})
    world.run = world.run.model_copy(update={"status": spent})
    world.look()
    assert _said(world)["BudgetOK"][:2] == ("True", "NearlyExhausted")


def test_a_budget_that_holds_over_nothing_is_neither_true_nor_false() -> None:
    """Told once, with the field and the annotation that help; it stands over attempts and rests, until either is there."""
    world = World(run_of(workers=2, budget={"usd": 5}), [SeenNode(name="n")])
    told = [event for _ in range(4) for event in world.look().events]
    (warning,) = [event for event in told if event.kind is EventKind.WARNING]
    said = known(world.run.status, "BudgetOK")
    assert said
    assert (said.status, said.reason, said.message) == ("Unknown", "NoPrice", warning.message) == ("Unknown", warning.reason, said.message)
    assert warning.message == (
        "what a worker costs on node n is not known, so it counts as free and spec.budget.usd does not limit it: "
        "set spec.budget.usdPerWorkerHour to dollars an hour, such as 1.50, or to 0 if it is free; "
        "or the annotation tandem.dev/usd-per-hour of node n to those of the whole machine"
    )
    world.end("r-1-0", 143)
    world.look()
    world.leave()
    told = [event for _ in range(4) for event in world.look().events]
    assert (world.run.status.phase, world.run.status.attempt) == (RunPhase.RUNNING, 2)
    assert EventKind.WARNING not in {event.kind for event in told}
    assert known(world.run.status, "BudgetOK") == said
    dear = World(world.run, [SeenNode(name="n", usd_per_hour=Decimal(1))])
    dear.workers = world.workers
    dear.look()
    assert _said(dear)["BudgetOK"][:2] == ("True", "WithinBudget")
    world.edit(suspend=True)
    world.look()
    world.leave()
    world.look()
    assert (world.run.status.phase, _said(world)["BudgetOK"][:2]) == (RunPhase.SUSPENDED, ("Unknown", "NoPrice"))
    world.edit(budget={"usd": 5, "usdPerWorkerHour": 0})
    world.look()
    assert _said(world)["BudgetOK"][:2] == ("True", "WithinBudget")


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
    assert _checkpointed(world) == ("True", "ManifestWritten", "step 5: file:///checkpoints/5")


def test_a_store_that_takes_no_checkpoints_is_told() -> None:
    """Beside the newest that there is, why none is newer; not once one is, nor of an attempt that is past."""
    world, refused = World(run_of()), "s3://b: connection refused"
    world.settle()
    world.tell(3, resumed_from=0, checkpoint_problem=refused)
    world.look()
    assert _checkpointed(world) == ("False", "SaveFailed", refused)
    world.tell(5, checkpoint=5)
    world.look()
    kept = ("True", "ManifestWritten", "step 5: file:///checkpoints/5")
    assert _checkpointed(world) == kept
    world.tell(7, checkpoint_problem=refused)
    world.look()
    assert _checkpointed(world) == ("True", "SaveFailed", f"{kept[2]}; the last try at a newer one failed: {refused}")
    world.disrupt("r-1-0")
    world.look()
    world.leave()
    world.settle()
    assert world.attempt == 2
    assert _checkpointed(world) == kept


def _checkpointed(world: World) -> tuple[str, str, str]:
    condition = known(world.run.status, "Checkpointed")
    assert condition
    return condition.status, condition.reason, condition.message
