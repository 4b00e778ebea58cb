"""The planner of DualRuns against a world that does whatever it likes; each look of it keeps the laws of world.py."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.status import RunPhase

from tests.operator.plan.dual.runs import CLOUD, LOCAL, dual
from tests.operator.plan.dual.world import TOTAL, World

RUNS = st.sampled_from(
    [
        dual(),
        dual(memory={}),
        dual(budget={"usd": 1.0, "onExhausted": "Suspend"}),
        dual(budget={"usd": 1.0}, workers=1),
        dual(deadline="5m"),
        dual(noProgressAfter="2m"),
    ]
)
SLOTS = ("memory-0", "engine-0", "engine-1", "coordinator-0", "worker-0", "worker-1")
DEEDS = st.one_of(
    st.tuples(st.just("kill"), st.sampled_from(SLOTS), st.sampled_from([0, 1, 137, 143])),
    st.tuples(
        st.sampled_from(["ready", "leave", "tell", "suspend", "answer", "crash", "resize", "refuse"]), st.just(""), st.integers(0, 5)
    ),
    st.tuples(st.just("wait"), st.just(""), st.integers(0, 90)),
)


def lived(run: DualRun, deeds: list[tuple[str, str, int]]) -> World:
    """A world in which all of this has happened; a shell that crashes does so in the middle of its plan."""
    world = World(run)
    for what, slot, number in deeds:
        match what:
            case "kill":
                world.kill(slot, number)
            case "wait":
                world.wait(number)
            case "suspend":
                world.edit(suspend=not world.run.spec.suspend)
            case "resize":
                world.edit(workers=1 + number)
            case "refuse":
                world.edit(lanes=[{**CLOUD, "apiKeyVariable": f"KEY_{number}"}, LOCAL])
                world.problems = ("spec.lanes[0].apiKeyVariable: is wrong",) if number % 2 else ()
            case "answer":
                world.answer(number, failed=number % 2, usd="0.2")
                world.tell()
            case "leave":
                world.leave()
            case "ready":
                world.ready()
            case _:
                world.tell()
        world.look(killed=what == "crash")
    return world


@settings(max_examples=80, deadline=None)
@given(RUNS, st.lists(DEEDS, max_size=60))
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(run: DualRun, deeds: list[tuple[str, str, int]]) -> None:
    """Whatever happened: after a few looks at one moment the next plan is empty, and its status the one that is stored."""
    world = lived(run, deeds)
    world.settle()
    again = world.plan()
    assert (again.start, again.stop, again.events) == ((), (), ())
    assert again.status == world.run.status


@settings(max_examples=40, deadline=None)
@given(RUNS, st.lists(DEEDS, max_size=40))
def test_once_the_world_is_calm_every_question_is_answered(run: DualRun, deeds: list[tuple[str, str, int]]) -> None:
    """Or the run is over for a reason of its own; it never stands still."""
    world = lived(run, deeds)
    world.problems = ()
    world.edit(suspend=False, deadline=None, budget={"usd": 1000.0})
    for _ in range(60):
        world.up()
        world.answer(5)
        world.wait(60)
    world.up()
    assert world.run.status.phase.terminal, world.run.status.reason
    assert world.run.status.phase is RunPhase.FAILED or world.run.status.done + world.run.status.failed == TOTAL
