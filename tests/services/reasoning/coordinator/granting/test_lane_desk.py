"""A lane at the coordinator: which of its servers a call goes to, and what it is told when there is none."""

from collections.abc import Callable

import pytest
from tandem_reasoning.coordinator.granting.lane_desk import Granted, LaneDesk, Put, Shut
from tandem_reasoning.lanes.outcome import Failed, Outcome, Trouble
from tandem_reasoning.lanes.standing import UNREACHABLE, Phase
from tandem_reasoning.values import Limits

from tests.services.reasoning.coordinator.granting.permitting import UNREACHABLE as NOBODY
from tests.services.reasoning.coordinator.granting.permitting import answered, lane

A, B, C = (f"http://{name}/v1" for name in "abc")


def room(calls: int) -> Limits:
    return Limits(requests_per_minute=1_000_000, max_in_flight=calls)


def asked(desk: LaneDesk, *, expert: int = 0, now: float = 0.0, at: str | None = None) -> Granted:
    """Leave that is given."""
    granted = desk.permit("one", 10, expert, now, deadline_s=30.0, at=at)
    assert isinstance(granted, Granted), granted
    return granted


def settled(desk: LaneDesk, granted: Granted, outcome: Outcome, now: float = 0.0) -> None:
    desk.settled(granted, outcome, now, chance=0.5, stamp="")


def broken(desk: LaneDesk, url: str, now: float = 0.0) -> None:
    """Have a server found dead."""
    for _ in range(UNREACHABLE):
        settled(desk, asked(desk, now=now, at=url), NOBODY, now)


def test_calls_go_where_least_is_under_way() -> None:
    """Over three servers, nine calls are three each; one that gets an answer is asked next."""
    desk = LaneDesk(lane("local", A, B, C, limits=room(12)))
    sent = [asked(desk) for _ in range(9)]
    assert sorted(each.way.url for each in sent) == [A, A, A, B, B, B, C, C, C]
    settled(desk, next(each for each in sent if each.way.url == B), answered())
    assert asked(desk).way.url == B
    assert desk.idle(A) == 1


def test_an_expert_has_a_server_that_it_prefers() -> None:
    """While servers are alike busy, prompts of one expert meet those that are like them."""
    desk = LaneDesk(lane("local", A, B, C))
    for expert, url in enumerate((A, B, C, A)):
        granted = asked(desk, expert=expert)
        assert granted.way.url == url
        settled(desk, granted, answered())


def test_a_server_that_is_dead_is_left_out_and_tried_again() -> None:
    """The lane is ready meanwhile; when its time has come one call tries the server, though others are well, and it is used again."""
    desk = LaneDesk(lane("local", A, B, limits=room(20)))
    broken(desk, A)
    assert desk.phase is Phase.READY
    assert {asked(desk).way.url for _ in range(6)} == {B}
    later = [asked(desk, now=100.0) for _ in range(3)]
    assert [(each.way.url, each.way.trial) for each in later] == [(A, True), (B, False), (B, False)]
    settled(desk, later[0], answered(), 100.0)
    assert asked(desk, now=100.0).way.url == A


def test_a_lane_whose_servers_are_all_dead_says_so_and_when_to_come_back() -> None:
    """In the words of the server; then one call tries it."""
    desk = LaneDesk(lane("local", A))
    broken(desk, A)
    put = desk.permit("one", 10, 0, 0.0, deadline_s=30.0)
    assert isinstance(put, Put)
    assert put.why == NOBODY.problem
    assert not desk.ready(0.0)
    assert asked(desk, now=put.wait_s).way.trial


@pytest.mark.parametrize("end", [LaneDesk.given_back, LaneDesk.lost])
def test_a_trial_that_tells_nothing_keeps_no_other_from_trying(end: Callable[[LaneDesk, Granted], None]) -> None:
    """Whether it was given back, or its worker is gone: the next call tries the server at once."""
    desk = LaneDesk(lane("local", A))
    broken(desk, A)
    trial = asked(desk, now=100.0)
    assert isinstance(desk.permit("one", 10, 0, 100.0, deadline_s=30.0), Put)
    end(desk, trial)
    assert asked(desk, now=100.0).way.trial


def test_a_key_that_is_refused_is_waited_for() -> None:
    """Nothing but another key helps."""
    desk = LaneDesk(lane("cloud", A))
    refused = Failed(trouble=Trouble.UNAUTHORIZED, problem="no such key")
    desk.settled(asked(desk), refused, 0.0, chance=0.5, stamp="old")
    assert desk.permit("one", 10, 0, 1e6, deadline_s=30.0) == Shut(why="no such key")
    desk.key_seen("new")
    assert asked(desk).way.url == A


@pytest.mark.parametrize(("after_s", "ready"), [(20.0, True), (900.0, False)])
def test_a_limit_of_the_minute_is_waited_for_and_one_of_the_day_is_not(after_s: float, ready: bool) -> None:  # noqa: FBT001
    """As long as others answer."""
    desk = LaneDesk(lane("cloud", A))
    settled(desk, asked(desk), Failed(trouble=Trouble.THROTTLED, problem="slow down", after_s=after_s))
    assert desk.phase is Phase.THROTTLED
    assert desk.ready(0.0) is ready


def test_what_is_not_made_or_not_heard_of_takes_no_place() -> None:
    """Whether it was given back, or nobody will tell its end."""
    desk = LaneDesk(lane("local", A, limits=room(2)))
    one, two = asked(desk), asked(desk)
    assert isinstance(desk.permit("one", 10, 0, 0.0, deadline_s=30.0), Put)
    desk.given_back(one)
    desk.lost(two)
    assert (desk.in_flight, desk.idle(A), desk.load) == (0, 2, 0.0)
    asked(desk)
    asked(desk)
