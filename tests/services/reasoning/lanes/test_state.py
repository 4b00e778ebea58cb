"""How lanes and their servers stand after calls: who may be asked, when again, and what people are told."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.lanes.standing import EXHAUSTED_S, Phase
from tandem_reasoning.lanes.state import LaneState, Way, asked, begin, heard, key_seen, looked, wait_s, ways
from tandem_reasoning.lanes.transition import Transition
from tandem_reasoning.values import Lane, LaneKind, Usage

ONE = "http://one/v1"
THREE = (ONE, "http://two/v1", "http://three/v1")
ANSWER = Answered(text="yes", usage=Usage(input_tokens=1, output_tokens=1))


def lane(*urls: str) -> LaneState:
    return begin(Lane(name="cloud", kind=LaneKind.CLOUD, urls=urls or (ONE,), model="m"))


def failed(trouble: Trouble, after_s: float | None = None) -> Failed:
    return Failed(trouble=trouble, problem=f"said {trouble}", after_s=after_s)


class Told:
    """A lane that calls are made on, and all that was said about it."""

    def __init__(self, *urls: str) -> None:
        self.state, self.said, self.now = lane(*urls), list[Transition](), 0.0

    def call(self, outcome: Outcome, url: str = ONE, *, times: int = 1, stamp: str = "a") -> None:
        """Calls that go the way that is open to them; those that were under way before go it anyhow."""
        for _ in range(times):
            way = next((each for each in ways(self.state, self.now) if each.url == url), Way(url=url))
            self.state = asked(self.state, way, self.now, deadline_s=30.0)
            self.take(heard(self.state, way, outcome, self.now, chance=1.0, stamp=stamp))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(looked(self.state, self.now))

    def take(self, told: object) -> None:
        self.state = told.state  # type: ignore[attr-defined]
        self.said += told.transitions  # type: ignore[attr-defined]

    @property
    def sentences(self) -> list[str]:
        return [each.sentence for each in self.said]


def test_a_limit_of_the_minute_passes_by_itself() -> None:
    """The wait is what the server asked for, and a little more; then anybody may ask."""
    told = Told()
    told.call(failed(Trouble.THROTTLED, after_s=12.0))
    assert told.state.phase is Phase.THROTTLED
    assert not ways(told.state, told.now)
    assert wait_s(told.state, told.now) == 13.0
    told.wait(13.0)
    assert told.state.phase is Phase.READY
    assert ways(told.state, told.now) == (Way(url=ONE),)
    assert told.sentences == [
        "cloud wants to be left alone for 13 s: said Throttled; nothing to do, or lower its limits if this comes often",
        "cloud may be asked again",
    ]


def test_refusals_of_calls_that_were_under_way_are_one_throttling() -> None:
    """The longest wait counts, an answer in between opens nothing, and without a word the waits grow from one time to the next."""
    told = Told()
    told.call(failed(Trouble.THROTTLED, after_s=5.0))
    told.call(failed(Trouble.THROTTLED, after_s=2.0), times=20)
    told.call(ANSWER)
    assert wait_s(told.state, told.now) == 6.0
    assert len(told.said) == 1
    waits = []
    for _ in range(4):
        told.wait(wait_s(told.state, told.now))
        told.call(failed(Trouble.THROTTLED), times=3)
        waits.append(wait_s(told.state, told.now))
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_an_empty_account_is_tried_every_ten_minutes_by_one_call() -> None:
    """Until one is answered; calls that were under way before change nothing."""
    told = Told(*THREE)
    told.call(failed(Trouble.EXHAUSTED), times=8)
    told.call(ANSWER)
    assert told.state.phase is Phase.EXHAUSTED
    assert wait_s(told.state, told.now) == EXHAUSTED_S
    told.wait(EXHAUSTED_S)
    (way,) = ways(told.state, told.now)
    assert way.trial
    trying = asked(told.state, way, told.now, deadline_s=30.0)
    assert not ways(trying, told.now + 29)
    assert ways(trying, told.now + 30), "a call that never ended does not shut the lane for good"
    told.call(failed(Trouble.EXHAUSTED))
    assert not ways(told.state, told.now)
    told.wait(EXHAUSTED_S)
    told.call(ANSWER)
    assert told.state.phase is Phase.READY
    assert told.sentences == [
        "cloud has no credit left: said Exhausted; top up the account (tried again every 10 minutes), the other lanes go on",
        "cloud may be asked again",
    ]


def test_a_key_that_is_refused_waits_for_another() -> None:
    """No time helps; another key is tried by one call, and only its answer opens the lane."""
    told = Told()
    told.call(failed(Trouble.UNAUTHORIZED), stamp="a")
    assert wait_s(told.state, told.now) == inf
    told.wait(1e6)
    assert not ways(key_seen(told.state, "a"), told.now)
    assert not ways(key_seen(told.state, ""), told.now)
    told.state = key_seen(told.state, "b")
    assert ways(told.state, told.now) == (Way(url=ONE, trial=True),)
    told.call(failed(Trouble.UNAUTHORIZED), stamp="b")
    assert not ways(key_seen(told.state, "b"), told.now)
    told.state = key_seen(told.state, "c")
    told.call(ANSWER)
    assert [each.after for each in told.said] == [Phase.UNAUTHORIZED, Phase.READY]
    assert told.sentences[0] == (
        "cloud has no valid key: said Unauthorized; give it one (apiKeyVariable, or the Secret of apiKeySecret); tried once it is there"
    )


@pytest.mark.parametrize("trouble", [each for each in Trouble if each.of_the_server])
def test_a_server_of_which_half_is_lost_is_not_asked(trouble: Trouble) -> None:
    """Ten errors among the last twenty calls; nine are bad luck."""
    told = Told()
    for _ in range(9):
        told.call(failed(trouble))
        told.call(ANSWER)
    told.call(ANSWER, times=2)
    told.call(failed(trouble))
    assert told.state.phase is Phase.READY
    told.call(failed(trouble))
    assert told.state.phase is Phase.OPEN
    assert "10 of the last 20 calls failed" in told.sentences[0]


def test_nobody_listening_is_seen_sooner() -> None:
    """Five times in a row are enough."""
    told = Told()
    told.call(ANSWER, times=20)
    told.call(failed(Trouble.UNREACHABLE), times=4)
    assert told.state.phase is Phase.READY
    told.call(failed(Trouble.UNREACHABLE))
    assert told.state.phase is Phase.OPEN


@pytest.mark.parametrize(("took_s", "calls"), [(10.0, 1), (3.0, 4), (0.0, 5)])
def test_the_longer_nobody_listens_the_fewer_calls_it_takes(took_s: float, calls: int) -> None:
    """A machine that lost its power lets each wait for a connection: ten seconds of that are enough, an answer in between begins anew."""
    told = Told()
    nobody = replace(failed(Trouble.UNREACHABLE), seconds=took_s)
    for last in (ANSWER, nobody):
        for _ in range(calls - 1):
            told.wait(took_s)
            told.call(nobody)
        assert told.state.phase is Phase.READY
        told.wait(took_s)
        told.call(last)
    assert told.state.phase is Phase.OPEN


def test_a_connection_that_was_lost_beside_answers_is_bad_luck() -> None:
    """It waited for ten seconds, but others were answered meanwhile; an answer that is refused is one, too."""
    for answer in (ANSWER, replace(failed(Trouble.SERVER_ERROR), status=500)):
        told = Told()
        told.wait(8.0)
        told.call(answer)
        told.wait(2.0)
        told.call(replace(failed(Trouble.UNREACHABLE), seconds=10.0), times=2)
        assert told.state.phase is Phase.READY
        told.wait(8.0)
        told.call(replace(failed(Trouble.UNREACHABLE), seconds=10.0))
        assert told.state.phase is Phase.OPEN


def test_what_is_the_items_fault_is_not_held_against_the_lane() -> None:
    """A thousand prompts that are too long shut nothing, and one of them shows as well as an answer that a lane is back."""
    told = Told()
    told.call(failed(Trouble.TOO_LONG), times=1000)
    assert (told.state.phase, told.said) == (Phase.READY, [])
    told.call(failed(Trouble.UNREACHABLE), times=5)
    told.wait(600)
    told.call(failed(Trouble.TOO_LONG))
    assert told.state.phase is Phase.READY


def test_a_broken_server_is_tried_by_one_call_at_growing_distances() -> None:
    """Half open, as circuit breakers have it; the window is fresh afterwards."""
    told = Told()
    told.call(failed(Trouble.TIMEOUT), times=10)
    told.call(ANSWER)
    assert told.state.phase is Phase.OPEN, "an answer to a call from before opens nothing"
    waits = []
    for _ in range(7):
        waits.append(wait_s(told.state, told.now))
        told.wait(waits[-1])
        assert [each.trial for each in ways(told.state, told.now)] == [True]
        told.call(failed(Trouble.TIMEOUT))
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 120.0]
    told.wait(120.0)
    told.call(ANSWER)
    told.call(failed(Trouble.TIMEOUT), times=9)
    assert told.state.phase is Phase.READY
    assert [each.after for each in told.said] == [Phase.OPEN, Phase.READY]
    assert told.sentences[0] == (
        "cloud is not asked for now, 10 of the last 10 calls failed: said Timeout; see the server's log (tried again in 5 s)"
    )


def test_a_broken_server_that_is_only_busy_now_is_no_longer_broken() -> None:
    """Its trial was refused in good order: the window is fresh then, too. A refusal of a call from before shows nothing."""
    told = Told()
    told.call(failed(Trouble.TIMEOUT), times=10)
    told.call(failed(Trouble.THROTTLED, after_s=1.0))
    assert told.state.phase is Phase.OPEN
    told.wait(5.0)
    told.call(failed(Trouble.THROTTLED, after_s=1.0))
    assert told.state.phase is Phase.THROTTLED
    told.wait(2.0)
    told.call(failed(Trouble.TIMEOUT))
    assert told.state.phase is Phase.READY


def test_one_dead_server_of_three_does_not_shut_the_lane() -> None:
    """It is said of the server; of the lane only when the last one is gone, and again when the first is back."""
    told = Told(*THREE)
    told.call(failed(Trouble.UNREACHABLE), THREE[1], times=5)
    assert told.state.phase is Phase.READY
    assert [way.url for way in ways(told.state, told.now)] == [THREE[0], THREE[2]]
    assert [(each.url, each.after) for each in told.said] == [(THREE[1], Phase.OPEN)]
    told.call(failed(Trouble.THROTTLED, after_s=30.0), THREE[0])
    told.call(failed(Trouble.UNREACHABLE), THREE[2], times=5)
    assert told.state.phase is Phase.THROTTLED
    told.call(failed(Trouble.UNREACHABLE), THREE[0], times=5)
    assert told.state.phase is Phase.OPEN
    told.wait(5.0)
    told.call(ANSWER, THREE[2])
    assert told.state.phase is Phase.READY
    assert [each.after for each in told.said if not each.url] == [Phase.THROTTLED, Phase.OPEN, Phase.READY]


def test_those_on_trial_come_after_those_that_are_well() -> None:
    """So that a call goes to a server that may be broken only by choice."""
    told = Told(*THREE)
    told.call(failed(Trouble.UNREACHABLE), THREE[0], times=5)
    told.wait(5.0)
    assert ways(told.state, told.now) == (Way(url=THREE[1]), Way(url=THREE[2]), Way(url=THREE[0], trial=True))


OUTCOMES = st.one_of(st.just(ANSWER), st.builds(failed, st.sampled_from([*Trouble]), st.none() | st.floats(0, 3600, allow_nan=False)))
DEEDS = st.lists(st.tuples(st.sampled_from(THREE), OUTCOMES, st.floats(0, 700, allow_nan=False), st.floats(0, 1)), max_size=120)


@given(DEEDS)
def test_whatever_happens_changes_are_said_once_and_the_lane_can_be_asked_again(deeds: list[tuple[str, Outcome, float, float]]) -> None:
    """What was said leads from Ready to where the lane and each server stand; with time and a new key it opens to somebody."""
    state, now, phases = lane(*THREE), 0.0, dict.fromkeys(("", *THREE), Phase.READY)
    for url, outcome, seconds, chance in deeds:
        now += seconds
        way = next((each for each in ways(state, now) if each.url == url), Way(url=url))
        state = asked(state, way, now, deadline_s=30.0)
        told = heard(state, way, outcome, now, chance=chance, stamp="old")
        over = looked(told.state, now)
        for each in told.transitions + over.transitions:
            assert phases[each.url] is each.before is not each.after
            assert "\n" not in each.sentence
            phases[each.url] = each.after
        state = over.state
        assert phases == {"": state.phase, **{url: each.phase for url, each in state.servers.items()}}
        assert (wait_s(state, now) == 0) == bool(ways(state, now))
    later = key_seen(state, "new")
    assert ways(later, now + wait_s(later, now))


@given(DEEDS)
def test_a_lane_is_shut_only_while_it_says_for_how_long(deeds: list[tuple[str, Outcome, float, float]]) -> None:
    """No way opens before the wait is over, so whoever sleeps that long sleeps neither too short nor in vain."""
    state, now = lane(*THREE), 0.0
    for url, outcome, seconds, chance in deeds:
        now += seconds
        way = next((each for each in ways(state, now) if each.url == url), Way(url=url))
        state = heard(asked(state, way, now, deadline_s=30.0), way, outcome, now, chance=chance).state
        wait = wait_s(state, now)
        if 0 < wait < inf:
            assert not ways(state, now + 0.99 * wait)
            assert ways(state, now + wait + 1e-6)
