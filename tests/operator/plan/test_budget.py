"""Dollars: what is charged, when people are warned, and how far off the next limit is."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.dollars import dollars
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import budget, losses
from tandem_operator.plan.policies.budget import Standing
from tandem_operator.plan.preview import preview
from tandem_operator.plan.values import HERE, Seen, SeenNode, SeenWorker, Tier, Waiting

from .world import START, World, run_of

HOUR = timedelta(hours=1)
PRICED = SeenNode(name="n", usd_per_hour=Decimal(8))


def _worker(rank: int, since: timedelta = timedelta(0), until: timedelta | None = None, node: str = "") -> SeenWorker:
    ended = {} if until is None else {"until": START + until, "exit_code": 0}
    return SeenWorker(name=f"r-1-{rank}", attempt=1, rank=rank, since=START + since, node=node, **ended)


def _run(spent: str = "0", **spec: Any) -> TrainingRun:
    run = run_of(budget={"usdPerWorkerHour": 2, **spec})
    return run.model_copy(update={"status": run.status.model_copy(update={"spent_usd": Decimal(spent)})})


@pytest.mark.parametrize(
    ("workers", "usd"),
    [
        ((), 0),
        ((_worker(0),), 4),
        ((_worker(0, until=HOUR),), 2),
        ((_worker(0, since=HOUR), _worker(1)), 6),
        ((_worker(0, node="n"),), 16),
        ((_worker(0, node="n"), _worker(1, node="n")), 16),
        ((_worker(0, until=HOUR / 2, node="n"), _worker(1, since=HOUR, node="n")), 12),
        ((_worker(0, until=HOUR, node="n"), _worker(1, until=HOUR / 2, node="n")), 8),
    ],
)
def test_two_hours_cost_what_stood_there(workers: tuple[SeenWorker, ...], usd: int) -> None:
    """A worker costs its own price until it ended; a node with a price costs it once, for as long as anybody was on it."""
    assert budget.added_up(_run(), Seen(workers=workers, nodes=(PRICED,)), START + 2 * HOUR).spent_usd == usd


def test_a_worker_that_vanished_is_paid_for_until_that_was_noticed() -> None:
    """Once, whenever the next look is, and it brings the next limit no nearer; on a machine that others share it may cost nothing more."""
    run, gone = _run(usd=100), replace(_worker(0), until=START + HOUR)
    seen = Seen(vanished=(gone,))
    charged = budget.added_up(run, seen, START + 2 * HOUR)
    assert (charged.spent_usd, charged.looked_at) == (2, START + 2 * HOUR)
    assert budget.added_up(run.model_copy(update={"status": charged}), seen, START + 3 * HOUR) == charged
    assert budget.until_next(run, seen) is None
    shared = Seen(workers=(_worker(1, node="n"),), vanished=(replace(gone, node="n"),), nodes=(PRICED,))
    assert budget.added_up(run, shared, START + 2 * HOUR).spent_usd == 16


def test_a_worker_that_waits_for_its_machine_costs_nothing_until_it_has_one() -> None:
    """Nor does it bring the next limit nearer. On its machine it costs, whatever else it waits for."""
    run, worker = _run(usd=4), _worker(0)
    unplaced = Seen(workers=(replace(worker, waiting=Waiting(tier=Tier.NODE)),))
    placed = Seen(workers=(replace(worker, waiting=Waiting(tier=Tier.IMAGE, placed=True)),))
    assert budget.added_up(run, unplaced, START + HOUR) is run.status
    assert budget.until_next(run, unplaced) is None
    assert budget.added_up(run, placed, START + HOUR).spent_usd == 2
    assert budget.until_next(run, placed) == 1.6 * HOUR


def test_a_worker_whose_end_nobody_knows_costs_nothing_more_than_was_charged_at_the_last_look() -> None:
    """Charging it up to now would charge it again at every look, for as long as it is remembered."""
    run = _run("4")
    run = run.model_copy(update={"status": run.status.model_copy(update={"looked_at": START + 2 * HOUR})})
    forgotten = SeenWorker(name="r-1-0", attempt=1, rank=0, since=START, exit_code=1)
    assert budget.added_up(run, Seen(workers=(forgotten,)), START + 3 * HOUR) == run.status


@given(st.decimals("0.01", "99", places=2), st.decimals("0.01", "500", places=2), st.decimals("0", "1", places=9))
def test_a_look_at_the_next_limit_finds_it_reached(usd: Decimal, price: Decimal, spent: Decimal) -> None:
    """Not a millisecond too early, whatever does not divide evenly: else looks would crowd before the limit."""
    run, seen = _run(str(spent), usd=float(usd), usdPerWorkerHour=float(price)), Seen(workers=(_worker(0),))
    run = run.model_copy(update={"status": run.status.model_copy(update={"looked_at": START})})
    wait = budget.until_next(run, seen)
    if wait is not None:
        then = run.model_copy(update={"status": budget.added_up(run, seen, START + wait)})
        assert budget.standing(then) is not budget.standing(run)


def test_nothing_is_charged_twice_even_if_the_clock_goes_back() -> None:
    """What was added up to a moment is paid; an earlier moment adds nothing and is not taken for the last look."""
    run, seen = _run(), Seen(workers=(_worker(0),))
    later = run.model_copy(update={"status": budget.added_up(run, seen, START + HOUR)})
    assert budget.added_up(later, seen, START + HOUR / 2) == later.status
    assert budget.added_up(later, seen, START + HOUR) == later.status


UP, COMES = _worker(0, node="n"), replace(_worker(0, node="n"), waiting=Waiting(tier=Tier.IMAGE, placed=True))
FREE, SILENT_OF_PRICE = SeenNode(name="n", usd_per_hour=Decimal(0)), SeenNode(name="n")


@pytest.mark.parametrize(
    ("spec", "worker", "nodes", "where"),
    [
        ({"usd": 5}, UP, (SILENT_OF_PRICE,), "on node n is not known"),
        ({"usd": 5}, UP, (), "on node n is not known"),
        ({"usd": 5}, _worker(0, node=HERE), (SeenNode(name=HERE),), "on this machine is not known"),
        ({"usd": 5, "usdPerWorkerHour": 1}, UP, (SILENT_OF_PRICE,), None),
        ({"usd": 5, "usdPerWorkerHour": 0}, UP, (SILENT_OF_PRICE,), None),
        ({"usd": 5}, UP, (PRICED,), None),
        ({"usd": 5}, UP, (FREE,), None),
        ({}, UP, (SILENT_OF_PRICE,), None),
    ],
)
def test_a_budget_needs_a_price(spec: dict[str, float], worker: SeenWorker, nodes: tuple[SeenNode, ...], where: str | None) -> None:
    """Of the node or of a worker, and either may cost nothing; a machine that cannot be looked at has no annotation to be written."""
    run, seen = run_of(budget=spec), Seen(workers=(worker,), nodes=nodes)
    said = budget.unpriced(run, seen, "before")
    assert (where in said) if where else said == ""
    assert (budget.NODE_PRICE in said) is (where is not None and nodes == (SILENT_OF_PRICE,))


@pytest.mark.parametrize("workers", [(), (COMES,), (_worker(0, until=HOUR, node="n"),)])
def test_while_nobody_runs_the_last_word_on_prices_stands(workers: tuple[SeenWorker, ...]) -> None:
    """A machine that a worker only comes to may not be known yet."""
    assert budget.unpriced(run_of(budget={"usd": 5}), Seen(workers=workers), "before") == "before"


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), 3 * HOUR, 1000 * HOUR])
def test_what_a_clock_that_was_ahead_has_charged_is_charged_once(ahead: timedelta) -> None:
    """Whoever looks after it, and however often: in the end the run has cost what it stood there, or what was charged if it ends sooner."""
    run, seen = _run(), Seen(workers=(_worker(0),))
    run = run.model_copy(update={"status": budget.added_up(run, seen, START + HOUR + ahead)})
    charged = run.status.spent_usd
    for hours in (2, 3, 5, 9):
        run = run.model_copy(update={"status": budget.added_up(run, seen, START + hours * HOUR)})
        assert run.status.spent_usd == max(charged, 2 * hours)


@pytest.mark.parametrize(("spent", "bought"), [("0", 0), ("6", 3), ("20", 10)])
def test_a_last_look_in_the_far_future_stops_the_meter_no_longer_than_was_paid(spent: str, bought: int) -> None:
    """A clock of 2099 that has charged nothing, or little: what was spent can be time that was paid ahead, and no more can."""
    run, seen = _run(spent), Seen(workers=(_worker(0),))
    run = run.model_copy(update={"status": run.status.model_copy(update={"looked_at": START.replace(year=2099)})})
    for hours in (0, 1, 2, 3, 4, 11, 12):
        run = run.model_copy(update={"status": budget.added_up(run, seen, START + hours * HOUR)})
        assert run.status.spent_usd == Decimal(spent) + 2 * max(0, hours - bought)
    assert run.status.looked_at == START + 12 * HOUR


@pytest.mark.parametrize(
    ("spent", "standing"),
    [("0", Standing.WITHIN), ("7.99", Standing.WITHIN), ("8", Standing.NEARLY), ("9.99", Standing.NEARLY), ("10", Standing.EXHAUSTED)],
)
def test_the_warning_comes_at_eighty_percent_and_the_end_at_all(spent: str, standing: Standing) -> None:
    """The defaults of a budget of ten dollars."""
    assert budget.standing(_run(spent, usd=10)) is standing


@pytest.mark.parametrize(("spent", "wait"), [("0", 4 * HOUR), ("8", HOUR), ("9", HOUR / 2), ("10", None)])
def test_the_next_limit_is_as_far_off_as_the_money_lasts(spent: str, wait: timedelta | None) -> None:
    """Two dollars an hour: first the warning, then the end, then nothing any more."""
    assert budget.until_next(_run(spent, usd=10), Seen(workers=(_worker(0),))) == wait


@pytest.mark.parametrize(("usd", "price"), [(1e6, 1e-6), (1e9, 1e-300), (1e5, 1e-3)])
def test_a_budget_that_lasts_for_ages_is_no_trouble(usd: float, price: float) -> None:
    """Longer than any calendar goes on."""
    run = run_of(budget={"usd": usd, "usdPerWorkerHour": price})
    world = World(run)
    world.settle()
    assert world.run.status.phase is RunPhase.RUNNING
    assert preview(run, hours=Decimal(1)).budget_lasts == timedelta(days=36500)


def test_a_budget_beyond_what_may_be_handed_in_is_cared_for() -> None:
    """A stored run may have begun with one: people are warned, and it ends."""
    assert budget.standing(_run("1.7e9", usd=2e9)) is Standing.NEARLY
    assert budget.exhausted(_run("2e9", usd=2e9))
    assert budget.until_next(_run("1.6e9", usd=2e9, usdPerWorkerHour=4e8), Seen(workers=(_worker(0),))) == HOUR


def test_what_a_price_without_measure_has_cost_is_charged() -> None:
    """Its digits beyond those that are reckoned with are left, and no look falls over."""
    run = _run("0.5", usd=1e300, usdPerWorkerHour=1e300)
    status = budget.added_up(run, Seen(workers=(_worker(0),)), START + HOUR)
    assert status.spent_usd == Decimal("1e300")
    fallen = status.model_copy(update={"fell_at_step": 3})
    assert losses.booked(fallen, fallen.model_copy(update={"lost_steps": 1})).lost_usd > Decimal("3e299")
    assert budget.exhausted(run.model_copy(update={"status": status}))


def test_without_a_limit_or_without_workers_no_moment_counts() -> None:
    """Money that is not spent, or not limited, needs no look."""
    assert budget.until_next(_run(), Seen(workers=(_worker(0),))) is None
    assert budget.until_next(_run(usd=10), Seen(workers=(_worker(0, until=HOUR),))) is None


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0.00000123", "$0.0000012"),
        ("0.0000009", "$0.00000090"),
        ("0", "$0.00"),
        ("0.1", "$0.10"),
        ("0.1234", "$0.1234"),
        ("12.346", "$12.35"),
        ("3", "$3.00"),
    ],
)
def test_dollars_read_like_dollars(usd: str, text: str) -> None:
    """Cents, and below a dollar hundredths of them where there are any."""
    assert dollars(Decimal(usd)) == text


def test_a_machine_that_is_not_heard_of_is_paid_for_until_that_is_noticed() -> None:
    """The silence itself has a price; what comes after we gave the worker up has none."""
    silent = replace(_worker(0), fenced=True)
    assert budget.added_up(_run(), Seen(workers=(silent,)), START + HOUR).spent_usd == 2
    assert budget.added_up(_run(), Seen(workers=(replace(silent, stopping=True),)), START + HOUR).spent_usd == 0
