"""What people are told of a lane that is not asked as ever: what that means, what its server said, and what to do about it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tandem_operator.api.dual_status import LaneState, LaneStatus
from tandem_operator.plan.conditions import known
from tandem_operator.plan.values import EventKind

from tests.operator.plan.dual.runs import CLOUD, LOCAL
from tests.operator.plan.dual.world import World, running

NOBODY = "nobody answers at the address; start the server, or correct the lane's url"
KEYED = {name: value for name, value in CLOUD.items() if name != "apiKeyVariable"}
SECRET = {"apiKeySecret": {"name": "keys", "key": "cloud"}}


def told(world: World, state: LaneState, problem: str = "", name: str = "cloud") -> list[str]:
    """What is told once the coordinator says that a lane is in this state."""
    world.tell()
    assert world.report
    world.report = replace(world.report, lanes=(LaneStatus(name=name, state=state, problem=problem),))
    events = [event for _ in range(3) for event in world.look().events]
    return [f"{'warning ' if event.kind is EventKind.WARNING else ''}{event.reason}: {event.message}" for event in events]


@pytest.mark.parametrize(
    ("state", "problem", "message"),
    [
        (LaneState.OPEN, "boom", "is not asked for now, after too many errors: boom; it is tried again by itself"),
        (
            LaneState.EXHAUSTED,
            "insufficient_quota",
            "has no credit left: insufficient_quota; add some to its account: it is tried again every ten minutes",
        ),
        (
            LaneState.UNAUTHORIZED,
            "Incorrect API key provided",
            (
                "refuses its API key: Incorrect API key provided; "
                "export a valid one as CLOUD_KEY (spec.lanes[0].apiKeyVariable), stop the run and run it again"
            ),
        ),
    ],
)
def test_the_words_of_a_server_stand_between_what_they_mean_and_what_to_do(state: LaneState, problem: str, message: str) -> None:
    """They may be a single word; told once as a warning, and held by the condition for as long as it is so."""
    world = running()
    assert told(world, state, problem) == [f"warning Lane{state}: cloud {message}"]
    healthy = known(world.run.status, "LanesHealthy")
    assert healthy
    assert (healthy.reason, healthy.message) == (f"Lane{state}", f"cloud {message}")
    assert told(world, LaneState.READY) == ["LaneBack: cloud can be asked again"]


@pytest.mark.parametrize(
    ("lane", "fix"),
    [
        ({**KEYED, **SECRET}, "correct cloud in Secret keys (spec.lanes[1].apiKeySecret), and it is tried again"),
        (KEYED, "name one by spec.lanes[1].apiKeyVariable, or on a cluster by spec.lanes[1].apiKeySecret"),
        ({**CLOUD, **SECRET}, "stop the run and run it again; on a cluster correct cloud in Secret keys (spec.lanes[1].apiKeySecret)"),
    ],
)
def test_a_refused_key_is_corrected_where_it_is_written(lane: dict[str, object], fix: str) -> None:
    """A variable, a Secret, either, or nowhere yet."""
    (message,) = told(running(lanes=[LOCAL, lane]), LaneState.UNAUTHORIZED)
    assert fix in message


def test_nobody_is_asked_to_start_an_engine_that_the_run_starts() -> None:
    """While it is on its way that is said, and is no warning; one that is up and does not answer is."""
    world = running()
    for slot in ("engine-0", "engine-1"):
        world.kill(slot)
    world.settle()
    world.wait(1)
    world.settle()
    assert told(world, LaneState.OPEN, NOBODY, "local") == ["LaneOpen: local is not asked for now: its engine is being started"]
    assert [lane.problem for lane in world.run.status.lanes] == ["nobody answers at the address"]
    world.ready()
    assert told(world, LaneState.READY, "", "local") == ["LaneBack: local can be asked again"]
    assert told(world, LaneState.OPEN, NOBODY, "local") == [
        (
            "warning LaneOpen: local is not asked for now: its engine does not answer as it should: nobody answers at the address; "
            "it is tried again by itself, and its log says more"
        )
    ]


def test_a_lane_that_is_asked_more_slowly_for_a_while_is_told_once_and_so_is_its_end() -> None:
    """After fifteen seconds each way, at a moment that is not overslept: what comes and goes within them is everyday."""
    world = running()
    assert told(world, LaneState.THROTTLED, "slow down") == []
    world.wait(14)
    assert told(world, LaneState.READY) == []
    assert told(world, LaneState.THROTTLED, "slow down") == []
    assert world.settle().look_again == timedelta(seconds=15)
    world.wait(15)
    assert told(world, LaneState.THROTTLED, "slow down") == [
        "LaneThrottled: cloud allows fewer calls than there are, and is asked more slowly: slow down"
    ]
    assert told(world, LaneState.READY) == []
    world.wait(14)
    assert told(world, LaneState.THROTTLED, "slow down") == []
    assert told(world, LaneState.READY) == []
    assert world.settle().look_again == timedelta(seconds=15)
    world.wait(15)
    assert told(world, LaneState.READY) == ["LaneBack: cloud is asked at full speed again"]
