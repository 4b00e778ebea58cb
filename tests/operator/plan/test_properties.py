"""The planner against a world that does whatever it likes. Every look keeps the laws of laws.py, in whatever order things happen."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.training_run import plan
from tandem_operator.plan.values import SeenNode

from .world import Killed, World, run_of

NODES = (SeenNode(name="n0", usd_per_hour=Decimal(36)), SeenNode(name="n1"))
PLAIN = ("tick", "tick", "report", "leave", "crash", "finish", "preempt", "notice", "evict", "disrupt", "suspend", "budget", "deadline", "resize")
CODES = (1, 1, 2, 93, 134, 137)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens, to whom, how long after the last thing, and what becomes of the shell that looks next."""

    what: str
    which: int
    after_s: int
    killed: Killed


def happenings(*whats: str, killed: st.SearchStrategy[Killed] = st.just(Killed.NEVER)) -> st.SearchStrategy[list[Happening]]:
    return st.lists(st.builds(Happening, st.sampled_from(whats), st.integers(0, 5), st.integers(0, 40), killed), max_size=50)


anything = happenings(*PLAIN, "vanish", killed=st.one_of(st.just(Killed.NEVER), st.sampled_from(Killed)))
runs = st.builds(
    lambda workers, spec: run_of(**spec, workers=workers),
    st.integers(1, 3),
    st.fixed_dictionaries(
        {
            "restart": st.builds(
                lambda failures, same: {"maxFailures": failures, "maxNoProgress": same},
                st.integers(0, 5),
                st.integers(1, 5),
            )
        },
        optional={
            "budget": st.builds(
                lambda usd, then: {"usd": usd, "usdPerWorkerHour": 36, "onExhausted": then},
                st.sampled_from([0.5, 2, 5]),
                st.sampled_from(["Suspend", "Fail"]),
            ),
            "deadline": st.sampled_from(["1m", "10m"]),
            "ttlSecondsAfterFinished": st.sampled_from([0, 60]),
            "suspend": st.booleans(),
        },
    ),
)


def happen(world: World, it: Happening) -> None:
    """Let it happen, if it can."""
    world.wait(timedelta(seconds=it.after_s))
    known, live = list(world.workers), [worker.name for worker in world.live()]
    if it.what in _TO_ANYBODY and known:
        _TO_ANYBODY[it.what](world, known[it.which % len(known)])
    elif it.what in _TO_THE_LIVING and live:
        _TO_THE_LIVING[it.what](world, live[it.which % len(live)], it.which)
    elif it.what in _TO_THE_RUN:
        _TO_THE_RUN[it.what](world, it.which)


_TO_ANYBODY = {"vanish": World.vanish}
_TO_THE_LIVING = {
    "crash": lambda world, name, which: world.end(name, CODES[which], "no\nluck"),
    "finish": lambda world, name, _: world.end(name, 0),
    "preempt": lambda world, name, _: world.end(name, 143),
    "evict": lambda world, name, _: world.end(name, 137, disrupted=True),
    "disrupt": lambda world, name, _: world.disrupt(name),
    "report": lambda world, _, which: advance(world, which),
}
_TO_THE_RUN = {
    "leave": lambda world, which: world.leave((143, 143, 143, 0, 1, 137)[which]),
    "notice": lambda world, which: world.notice(f"n{which % 2}", "going" if which % 3 else None),
    "suspend": lambda world, _: world.edit(suspend=not world.run.spec.suspend),
    "budget": lambda world, which: world.edit(budget={"usd": (None, 0.5, 1, 2, 5, 100)[which], "usdPerWorkerHour": 36}),
    "deadline": lambda world, which: world.edit(deadline=(None, None, "1m", "5m", "1h", "1h")[which]),
    "resize": lambda world, which: world.edit(workers=1 + which % 3),
}


def advance(world: World, which: int) -> None:
    """Training goes on by some steps; an attempt that begins goes on from the newest checkpoint."""
    told = world.report if world.report and world.report.attempt == world.run.status.attempt else None
    saved = world.report.checkpoint.step if world.report and world.report.checkpoint else 0
    begin = saved if told is None else None
    step = (saved if told is None else told.step) + which
    world.tell(step, resumed_from=begin, checkpoint=step if which % 2 else None, loss=(2.0, float("nan"))[which % 2], tokens_per_second=8e4)


@settings(max_examples=150, deadline=None)
@given(runs, anything)
def test_every_law_holds_whatever_happens_and_wherever_the_shell_is_killed(run, happened) -> None:
    """The laws are asserted at every look; the checker and the JSON round trip of the status are part of the world."""
    world = World(run, NODES)
    for it in happened:
        happen(world, it)
        world.look(it.killed)


@settings(max_examples=100, deadline=None)
@given(runs, anything)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(run, happened) -> None:
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
def test_nothing_is_overslept(run, happened, share) -> None:
    """If nothing happens, a look before the moment that the plan asked for finds nothing to do, however long that moment is off."""
    world = World(run, NODES)
    for it in happened:
        happen(world, it)
        world.look(it.killed)
    made = world.settle()
    until = timedelta(days=365) if made.look_again is None else made.look_again
    early = plan(world.run, world.seen(), world.now + share * until)
    assert (early.start, early.stop, early.events) == ((), (), ())
    assert early.remove == made.remove
    assert (early.status.phase, early.status.attempt) == (made.status.phase, made.status.attempt)


@settings(max_examples=50, deadline=None)
@given(st.decimals("0.01", "3", places=2), happenings("tick", "preempt", "finish", "notice", "evict", "report"))
def test_a_punctual_shell_stops_everybody_within_a_millisecond_of_the_budget(usd, happened) -> None:
    """A shell that looks when it was asked to overspends by a millisecond of all workers, and by what they take to leave."""
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
    assert world.run.status.spent_usd <= usd + Decimal("0.02") * Decimal("0.002")


@settings(max_examples=50, deadline=None)
@given(happenings("tick", "leave", "crash", "preempt", "finish", "evict", "suspend"))
def test_spend_is_the_time_that_every_worker_stood_there_however_often_somebody_looked(happened) -> None:
    """Added up look by look over all attempts, it is what a bookkeeper finds who knows when each worker came and went."""
    world = World(run_of(workers=3, budget={"usdPerWorkerHour": 7.2}, restart={"maxFailures": 50, "maxNoProgress": 50}))
    for it in happened:
        happen(world, it)
        world.look()
    stood_s = sum(((worker.until or world.now) - worker.since).total_seconds() for worker in world.workers.values())
    assert abs(world.run.status.spent_usd - Decimal(stood_s) * Decimal("0.002")) < Decimal("1e-9")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["tick", "report", "suspend", "leave"]), max_size=40), st.data())
def test_an_attempt_that_we_end_ourselves_counts_as_nothing(whats, data) -> None:
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
