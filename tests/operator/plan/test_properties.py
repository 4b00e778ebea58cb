"""The planner against a world that does whatever it likes. Every look keeps the laws of laws.py, in whatever order things happen."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.training_run import plan

from .happenings import NODES, Happening, anything, calm, happen, happenings, runs
from .world import Killed, World, run_of


@settings(max_examples=150, deadline=None)
@given(runs, anything)
def test_every_law_holds_whatever_happens_and_wherever_the_shell_is_killed(run: TrainingRun, happened: list[Happening]) -> None:
    """The laws are asserted at every look; the checker and the JSON round trip of the status are part of the world."""
    world = World(run, NODES)
    for it in happened:
        happen(world, it)
        world.look(it.killed)


@settings(max_examples=100, deadline=None)
@given(runs, anything)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(run: TrainingRun, happened: list[Happening]) -> None:
    """After a few looks at one moment, the next plan is empty and its status is, to the last field, the one that is stored."""
    world = World(run, NODES)
    for it in happened:
        happen(world, it)
        world.look(it.killed)
    world.settle()
    again = plan(world.run, world.seen(), world.now)
    assert (again.start, again.stop, again.events) == ((), (), ())
    assert again.status == world.run.status


@settings(max_examples=100, deadline=None)
@given(runs, anything, st.floats(0, 1, exclude_max=True))
def test_nothing_is_overslept(run: TrainingRun, happened: list[Happening], share: float) -> None:
    """If nothing happens, a look before the moment that the plan asked for finds nothing to do, however long that moment is off."""
    world = World(run, NODES)
    for it in happened:
        happen(world, it)
        world.look(it.killed)
    made = world.settle()
    until = timedelta(days=365) if made.look_again is None else made.look_again
    assume(share * until < until or not until)  # a share of almost all rounds to all, which is that very moment
    early = plan(world.run, world.seen(), world.now + share * until)
    assert (early.start, early.stop, early.events) == ((), (), ())
    assert early.remove == made.remove
    assert (early.status.phase, early.status.attempt) == (made.status.phase, made.status.attempt)


@settings(max_examples=100, deadline=None)
@given(runs, anything)
def test_once_the_world_is_calm_a_run_comes_to_run_with_all_its_workers(run: TrainingRun, happened: list[Happening]) -> None:
    """Or is over, within an hour: there is money, room and time, all machines are heard of, and nobody wants it to rest."""
    world = World(run, NODES)
    for it in happened:
        happen(world, it)
        world.look(it.killed)
    calm(world)
    until = world.now + timedelta(hours=1)
    while not _at_its_best(world.run):
        assert world.now < until, f"still {world.run.status.phase}, {world.run.status.reason}"
        made = world.look()
        world.leave()
        world.wait(max(made.look_again or timedelta(0), timedelta(seconds=1)))


def _at_its_best(run: TrainingRun) -> bool:
    """Over, or running with all workers; with fewer only where it was made so, and must not grow by itself."""
    full = run.spec.min_workers is None or run.status.workers >= run.spec.workers
    return run.status.phase.terminal or (run.status.phase is RunPhase.RUNNING and full)


@settings(max_examples=50, deadline=None)
@given(st.decimals("0.01", "3", places=2), happenings("tick", "preempt", "finish", "notice", "evict", "report"))
def test_a_punctual_shell_stops_everybody_at_the_budget(usd: Decimal, happened: list[Happening]) -> None:
    """It overspends by a second of all workers at most: workers that were just started are seen, and paid for, a second later."""
    world = World(run_of(workers=2, budget={"usd": float(usd), "usdPerWorkerHour": 36}), NODES)
    made = world.look()
    for it in happened:
        end = world.now + timedelta(seconds=it.after_s)
        while made.look_again is not None and world.now + made.look_again <= end:
            world.wait(made.look_again)
            made = world.look()
            world.leave()
        world.now = end
        happen(world, Happening(it.what, it.which, 0, it.killed))
        made = world.look()
        world.leave()
    assert world.run.status.spent_usd <= usd + 2 * Decimal("0.01")


@settings(max_examples=50, deadline=None)
@given(happenings("tick", "leave", "crash", "preempt", "finish", "evict", "suspend"))
def test_spend_is_the_time_that_every_worker_stood_there_however_often_somebody_looked(happened: list[Happening]) -> None:
    """Added up look by look over all attempts, it is what a bookkeeper finds who knows when each worker came and went."""
    world = World(run_of(workers=3, budget={"usdPerWorkerHour": 7.2}, restart={"maxFailures": 50, "maxNoProgress": 50}))
    for it in happened:
        happen(world, it)
        world.look()
    stood_s = sum(((worker.until or world.now) - worker.since).total_seconds() for worker in world.workers.values())
    assert abs(world.run.status.spent_usd - Decimal(stood_s) * Decimal("0.002")) < Decimal("1e-9")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["tick", "report", "suspend", "leave"]), max_size=40), st.data())
def test_an_attempt_that_we_end_ourselves_counts_as_nothing(whats: list[str], data: st.DataObject) -> None:
    """Suspended and resumed in any rhythm, whatever workers exit with when asked to leave: no failure, no preemption."""
    world = World(run_of(workers=2), NODES)
    for what in whats:
        if what == "leave":
            world.leave(data.draw(st.sampled_from([1, 137, 143])))
        else:
            happen(world, Happening(what, 1, 5, Killed.NEVER))
        world.look()
    assert (world.run.status.failures, world.run.status.preemptions) == (0, 0)
    assert world.run.status.phase is not RunPhase.FAILED
