"""Second calls: when, where, how many, and what becomes of the loser."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.lanes.hedging import KNOWN, Hedging, Place
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.lanes.race import Ask, Raced, raced
from tandem_reasoning.lanes.standing import Phase
from tandem_reasoning.values import Usage

from tests.bench.reasoning.virtual_time import run

CLOUD = Place(lane="cloud", url="http://cloud/v1", phase=Phase.READY, idle=5, cost_nano=100)
LOCAL = Place(lane="local", url="http://local/v1", phase=Phase.READY, idle=1, cost_nano=0)
SHUT = [phase for phase in Phase if phase is not Phase.READY]


def place(like: Place, **changes: object) -> Place:
    fields = {name: getattr(like, name) for name in ("lane", "url", "phase", "idle", "cost_nano")}
    return Place(**{**fields, **changes})


def rich(calls: int = 100) -> Hedging:
    made = Hedging()
    for _ in range(calls):
        made.began()
    return made


def test_a_call_is_late_after_three_medians_of_its_own_kind() -> None:
    """Of its lane and its expert, once enough of them are known; stragglers do not move a median."""
    made = Hedging()
    for number in range(KNOWN):
        assert made.after_s("cloud", "critic") is None
        made.took("cloud", "critic", 30.0 if number % 5 == 0 else 2.0)
    assert made.after_s("cloud", "critic") == 6.0
    assert made.after_s("cloud", "poet") is None
    for _ in range(60):
        made.took("cloud", "critic", 4.0)
    assert made.after_s("cloud", "critic") == 12.0


def test_the_cheaper_idle_place_is_taken() -> None:
    """The local machine costs nothing; among equals the one with most room."""
    assert rich().second(CLOUD, [place(CLOUD, url="b"), LOCAL]) == LOCAL
    assert rich().second(CLOUD, [place(CLOUD, url="b"), place(LOCAL, idle=0)]) == place(CLOUD, url="b")
    assert rich().second(CLOUD, [LOCAL, place(LOCAL, url="c", idle=3)]) == place(LOCAL, url="c", idle=3)


def test_without_an_idle_place_there_is_no_second_call() -> None:
    """Nor at the server that is late itself; and nothing is spent by asking."""
    made = rich()
    for _ in range(50):
        assert made.second(CLOUD, [CLOUD, place(LOCAL, idle=0)]) is None
    assert made.second(CLOUD, [LOCAL]) == LOCAL


@pytest.mark.parametrize("phase", SHUT)
def test_a_lane_that_is_not_well_is_not_asked_twice_as_much(phase: Phase) -> None:
    """Where many calls are late, second ones make it worse; and none goes to a place that is not well."""
    assert rich().second(place(CLOUD, phase=phase), [LOCAL]) is None
    assert rich().second(CLOUD, [place(LOCAL, phase=phase)]) is None


@given(st.lists(st.booleans(), max_size=400))
def test_second_calls_are_a_twentieth_at_most(deeds: list[bool]) -> None:
    """However late calls are; and what was saved up is no load of its own."""
    made, first, second, in_a_row = Hedging(), 0, 0, 0
    for late in deeds:
        if not late:
            first, in_a_row = first + 1, 0
            made.began()
        elif made.second(CLOUD, [LOCAL]):
            second, in_a_row = second + 1, in_a_row + 1
        assert second == made.second_calls <= 0.05 * first
        assert in_a_row <= 5


def ended(outcome: Outcome, seconds: float, ends: list[str] | None = None) -> Ask:
    async def ask() -> Outcome:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if ends is not None:
                ends.append("hung up")
            raise
        return outcome

    return ask


def answer(text: str) -> Answered:
    return Answered(text=text, usage=Usage(input_tokens=1, output_tokens=1))


FAILED = Failed(trouble=Trouble.SERVER_ERROR, problem="broken")


def race(first: Ask, second: Ask | None, *, after_s: float | None = 1.0) -> tuple[Raced, float]:
    """What came of it, and when."""

    async def again() -> Ask | None:
        return second

    async def work() -> tuple[Raced, float]:
        return await raced(first, after_s=after_s, again=again), asyncio.get_running_loop().time()

    return run(work())


def test_a_call_in_time_is_made_once() -> None:
    """Nobody is asked for a second one."""
    assert race(ended(answer("a"), 0.5), ended(answer("b"), 0.0)) == (Raced(outcome=answer("a")), 0.5)
    assert race(ended(answer("a"), 50.0), ended(answer("b"), 0.0), after_s=None) == (Raced(outcome=answer("a")), 50.0)


def test_the_first_answer_is_taken_and_the_other_hung_up_on() -> None:
    """Whichever it is."""
    ends: list[str] = []
    second = Raced(outcome=answer("b"), second=True, hung_up=True)
    assert race(ended(answer("a"), 9.0, ends), ended(answer("b"), 1.0)) == (second, 2.0)
    assert race(ended(answer("a"), 3.0), ended(answer("b"), 5.0, ends)) == (Raced(outcome=answer("a"), hung_up=True), 3.0)
    assert ends == ["hung up", "hung up"]


def test_without_leave_the_first_is_waited_for() -> None:
    """As if there were no second calls."""
    assert race(ended(answer("a"), 9.0), None) == (Raced(outcome=answer("a")), 9.0)


@pytest.mark.parametrize(("first_s", "second_s", "raced_s"), [(2.0, 3.0, 4.0), (8.0, 1.0, 8.0)])
def test_a_failure_does_not_win(first_s: float, second_s: float, raced_s: float) -> None:
    """The other one may still answer."""
    won = Raced(outcome=answer("b"), second=True, other=FAILED) if first_s < second_s else Raced(outcome=answer("a"), other=FAILED)
    first = ended(FAILED if first_s < second_s else answer("a"), first_s)
    second = ended(answer("b") if first_s < second_s else FAILED, second_s)
    assert race(first, second) == (won, raced_s)


def test_when_both_fail_the_first_failure_is_told() -> None:
    """And that of the other beside it, since both are settled."""
    other = Failed(trouble=Trouble.TIMEOUT, problem="late")
    assert race(ended(FAILED, 5.0), ended(other, 1.0)) == (Raced(outcome=FAILED, other=other), 5.0)


def test_leave_that_comes_too_late_is_given_back() -> None:
    """The first call came while the second was being allowed: it is not made."""

    async def again() -> Ask | None:
        await asyncio.sleep(1.0)
        return ended(answer("b"), 0.0)

    async def work() -> Raced:
        return await raced(ended(answer("a"), 1.5), after_s=1.0, again=again)

    assert run(work()) == Raced(outcome=answer("a"), unused=True)


@pytest.mark.parametrize("when_s", [0.5, 1.5])
def test_who_gives_up_hangs_up_on_both(when_s: float) -> None:
    """A worker that is told to stop leaves no call behind that nobody waits for."""
    ends: list[str] = []

    async def work() -> None:
        async def again() -> Ask | None:
            return ended(answer("b"), 60.0, ends)

        call = asyncio.ensure_future(raced(ended(answer("a"), 60.0, ends), after_s=1.0, again=again))
        await asyncio.sleep(when_s)
        call.cancel()
        await asyncio.wait({call})
        assert call.cancelled()

    run(work())
    assert len(ends) == (1 if when_s < 1 else 2)


def test_an_error_of_the_caller_hangs_up_too() -> None:
    """What is asked for the second call may fail."""
    ends: list[str] = []

    async def again() -> Ask | None:
        raise ConnectionError

    async def work(make: Callable[[], Awaitable[Raced]]) -> None:
        with pytest.raises(ConnectionError):
            await make()

    run(work(lambda: raced(ended(answer("a"), 60.0, ends), after_s=1.0, again=again)))
    assert ends == ["hung up"]
