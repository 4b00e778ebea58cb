"""Permits: never more than a lane allows, hardly less, the same for all workers, and corrected by what lanes say."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_reasoning.lanes.outcome import Allowance, Answered, Failed, Outcome, Trouble
from tandem_reasoning.lanes.pacing.pacer import HORIZON_S, Later, Pacer, Permit, Why
from tandem_reasoning.lanes.pacing.turns import AHEAD
from tandem_reasoning.values import Limits, Usage


def answered(tokens: int = 10, *, seconds: float = 0.1, allowance: Allowance | None = None) -> Answered:
    usage = Usage(input_tokens=tokens, output_tokens=0)
    return Answered(text="", usage=usage, seconds=seconds, allowance=allowance or Allowance())


def refused(after_s: float | None = None) -> Failed:
    return Failed(trouble=Trouble.THROTTLED, problem="slow down", status=429, after_s=after_s)


@dataclass
class Line:
    """Workers that want as many calls as they may have, in steps of a tenth of a second.

    Attributes:
        sent: When each call went out, and how many tokens it was.
        by: How many each worker made.
    """

    pacer: Pacer
    took_s: float = 0.5
    most: int = 10
    took: int = 10
    now: float = 0.0
    sent: list[tuple[float, int]] = field(default_factory=list)
    by: dict[str, int] = field(default_factory=dict)
    out: list[tuple[float, int]] = field(default_factory=list)
    again_at: dict[str, float] = field(default_factory=dict)

    def run(self, seconds: float, workers: dict[str, int]) -> "Line":
        """`workers` says how often each asks in a step; who is put off asks no sooner than told."""
        end = self.now + seconds
        while self.now < end:
            for due, id_ in [each for each in self.out if each[0] <= self.now]:
                self.out.remove((due, id_))
                self.pacer.settle(id_, self.outcome(), self.now)
            for worker, times in workers.items():
                for _ in range(times):
                    self.ask(worker)
            self.now += 0.1
        return self

    def outcome(self) -> Outcome:
        return answered(self.took, seconds=self.took_s)

    def ask(self, worker: str) -> None:
        if self.again_at.get(worker, 0.0) > self.now:
            return
        told = self.pacer.permit(worker, self.most, self.now)
        if isinstance(told, Later):
            self.again_at[worker] = self.now + told.wait_s
            return
        self.sent.append((self.now + told.wait_s, self.took))
        self.by[worker] = self.by.get(worker, 0) + 1
        self.out.append((self.now + told.wait_s + self.took_s, told.id))

    def most_in(self, seconds: float, *, tokens: bool = False) -> int:
        """The most that went out in any span of so long."""
        sent = sorted(self.sent)
        return max(sum(size if tokens else 1 for at, size in sent if begin <= at < begin + seconds) for begin, _ in sent)


@settings(max_examples=25)
@given(st.sampled_from([6, 60, 600]), st.integers(1, 4), st.lists(st.tuples(st.floats(0.5, 40), st.integers(0, 8)), min_size=1, max_size=6))
def test_no_minute_sees_more_than_the_limit_and_busy_ones_hardly_less(limit: int, workers: int, busy: list[tuple[float, int]]) -> None:
    """Whatever comes and pauses before: a burst is no larger than what is left of the limit; who wants more than that gets nearly all."""
    line = Line(Pacer(Limits(requests_per_minute=limit, max_in_flight=1000)))
    for seconds, times in busy:
        line.run(seconds, {f"w{each}": times for each in range(workers)})
    begin = line.now
    line.run(90.0, {f"w{each}": 20 for each in range(workers)})
    assert line.most_in(60.0) <= max(limit, 2)
    assert sum(begin + 15 <= at < begin + 75 for at, _ in line.sent) >= 0.97 * limit - 1


def test_tokens_are_limited_by_what_calls_take_and_not_by_what_they_might() -> None:
    """A call may take 400 and takes 100: after a minute the limit is used by what is taken, and kept."""
    line = Line(Pacer(Limits(tokens_per_minute=60_000, max_in_flight=1000)), took_s=5.0, most=400, took=100)
    line.run(300.0, {"a": 20, "b": 20})
    used = sum(size for at, size in line.sent if 200 <= at < 260)
    assert 0.95 * 60_000 <= used <= 1.02 * 60_000
    line.sent = [each for each in line.sent if each[0] >= 60]
    assert line.most_in(60.0, tokens=True) <= 1.03 * 60_000


def test_a_call_larger_than_a_burst_is_let_through_and_paid_off() -> None:
    """It would wait for ever otherwise."""
    pacer = Pacer(Limits(tokens_per_minute=6_000))
    assert isinstance(pacer.permit("a", 3_000, 0.0), Permit)
    told = pacer.permit("a", 3_000, 0.0)
    assert isinstance(told, Later)
    assert told.why is Why.TOKENS
    assert told.wait_s == pytest.approx(30 / 0.99 - 0.6 - HORIZON_S, abs=0.5)


def test_calls_at_once_are_bounded() -> None:
    """Until one is settled, given back, or its worker is gone; settling twice frees nothing twice."""
    pacer = Pacer(Limits(max_in_flight=3))
    permits = [pacer.permit("a", 1, now) for now in (0.0, 0.2, 0.4)]
    told = pacer.permit("a", 1, 1.0)
    assert isinstance(told, Later)
    assert told.why is Why.IN_FLIGHT
    assert all(isinstance(each, Permit) for each in permits)
    ids = [each.id for each in permits if isinstance(each, Permit)]
    pacer.settle(ids[0], answered(), 1.0)
    pacer.settle(ids[0], answered(), 1.0)
    assert pacer.in_flight == 2
    pacer.give_back(ids[1])
    assert pacer.in_flight == 1
    pacer.lost("a")
    assert pacer.in_flight == 0
    assert isinstance(pacer.permit("b", 1, 2.0), Permit)


def test_what_is_given_back_may_be_had_by_others() -> None:
    """Its request and its tokens."""
    pacer = Pacer(Limits(requests_per_minute=6, tokens_per_minute=100))
    first = pacer.permit("a", 100, 0.0)
    assert isinstance(first, Permit)
    assert isinstance(pacer.permit("b", 100, 0.0), Later)
    pacer.give_back(first.id)
    assert isinstance(pacer.permit("b", 100, 0.0), Permit)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=4), st.sampled_from([30, 600]))
def test_workers_get_the_same_however_much_they_ask(asks: list[int], limit: int) -> None:
    """As long as each wants more than its share: after two minutes nobody is further ahead than after one."""
    line = Line(Pacer(Limits(requests_per_minute=limit, max_in_flight=1000)))
    workers = {f"w{number}": times for number, times in enumerate(asks)}
    line.run(120.0, workers)
    served = [line.by.get(worker, 0) for worker in workers]
    assert max(served) - min(served) <= 3 * AHEAD


def test_a_worker_that_is_gone_holds_nobody_up() -> None:
    """The one that was to come back and does not is waited for a moment, once."""
    line = Line(Pacer(Limits(requests_per_minute=600, max_in_flight=1000)))
    line.run(10.0, {"a": 3, "b": 3})
    before = len(line.sent)
    line.run(20.0, {"a": 5})
    assert len(line.sent) - before >= 0.99 * 200 - 25


def test_one_that_comes_late_is_neither_behind_nor_ahead() -> None:
    """It gets its share from then on, and nothing for the time before."""
    line = Line(Pacer(Limits(requests_per_minute=600, max_in_flight=1000)))
    line.run(60.0, {"a": 5})
    line.by.clear()
    line.run(30.0, {"a": 5, "b": 5})
    assert abs(line.by["a"] - line.by["b"]) <= 3 * AHEAD


def test_a_refusal_is_heeded() -> None:
    """Nothing is sent until the lane wants to be asked again, and a little less then."""
    pacer = Pacer(Limits(requests_per_minute=600, max_in_flight=1000))
    line = Line(pacer)
    line.run(10.0, {"a": 5})
    told = pacer.permit("a", 1, line.now + 1)
    assert isinstance(told, Permit)
    pacer.settle(told.id, refused(after_s=7.0), line.now + 1)
    assert pacer.refused == 1
    later = pacer.permit("a", 1, line.now + 1)
    assert isinstance(later, Later)
    assert later.why is Why.REFUSED
    assert later.wait_s >= 7.0 - HORIZON_S
    assert 0.8 * 594 <= pacer.per_minute(line.now + 8) < 594
    assert pacer.per_minute(line.now + 120) == pytest.approx(594)


def test_refusals_of_one_rush_are_one() -> None:
    """Calls that had their permits when the first refusal came say nothing new, so the rate is not cut for each of them."""
    pacer = Pacer(Limits(requests_per_minute=6000, max_in_flight=1000))
    permits = [told for told in (pacer.permit("a", 1, 0.0) for _ in range(50)) if isinstance(told, Permit)]
    rates = []
    for each in permits:
        pacer.settle(each.id, refused(), 0.5)
        rates.append(pacer.per_minute(0.5))
    assert len(permits) > 30
    assert pacer.refused == len(permits)
    assert len({*rates}) == 1
    assert 0.45 * 5940 <= rates[0] <= 0.95 * 5940


def test_a_lane_that_was_shut_for_long_is_soon_as_fast_as_before() -> None:
    """Refusals while it is shut say nothing of its limit: an hour of them costs a minute."""
    pacer = Pacer(Limits(requests_per_minute=600, max_in_flight=1000))
    now = 0.0
    for _ in range(360):
        told = pacer.permit("a", 1, now)
        if isinstance(told, Permit):
            now += told.wait_s
            pacer.settle(told.id, refused(after_s=10.0), now)
        now += 10.0
    assert pacer.refused > 300
    assert pacer.per_minute(now + 60) == pytest.approx(594, rel=0.1)


@pytest.mark.parametrize("true_per_s", [0.5, 3.0, 40.0])
def test_a_limit_that_nobody_told_is_found(true_per_s: float) -> None:
    """Nearly all of it is used, and of the calls that are made few are refused once it is known."""
    pacer = Pacer(Limits(max_in_flight=1000))
    level, now, through, lost = 5.0, 0.0, 0, 0
    while now < 900.0:
        now += 0.02
        level = min(5.0, level + 0.02 * true_per_s)
        told = pacer.permit("a", 1, now)
        if not isinstance(told, Permit) or told.wait_s > 0.02:
            if isinstance(told, Permit):
                pacer.give_back(told.id)
            continue
        fits = level >= 1
        level -= fits
        pacer.settle(told.id, answered() if fits else refused(after_s=(1 - level) / true_per_s), now)
        if now > 300.0:
            through, lost = through + fits, lost + (not fits)
    assert through >= 0.97 * true_per_s * 600
    assert lost <= 0.015 * through


def test_what_the_lane_counts_counts() -> None:
    """Somebody else uses the same account: what the lane has left is what we have left."""
    pacer = Pacer(Limits(requests_per_minute=60, tokens_per_minute=6_000, max_in_flight=1000))
    told = pacer.permit("a", 10, 100.0)
    assert isinstance(told, Permit)
    pacer.settle(told.id, answered(allowance=Allowance(requests_left=0, tokens_left=50)), 100.0)
    later = pacer.permit("a", 10, 100.0)
    assert isinstance(later, Later)
    assert later.why is Why.REQUESTS
    assert isinstance(pacer.permit("a", 10, 101.1), Permit)


def test_what_the_lane_counted_a_while_ago_is_carried_on() -> None:
    """A slow answer says what was left when it began: what has come back since is there, what was granted since is not."""
    pacer = Pacer(Limits(requests_per_minute=60, max_in_flight=1000))
    first = pacer.permit("a", 10, 0.0)
    assert isinstance(first, Permit)
    pacer.settle(first.id, answered(allowance=Allowance(requests_left=0)), 30.0)
    told = pacer.permit("a", 10, 30.0)
    assert isinstance(told, Permit)
    assert told.wait_s == 0.0


OUTCOMES = st.sampled_from([answered(), refused(), refused(after_s=3.0), Failed(trouble=Trouble.TIMEOUT, problem="late")])
LEFT = st.builds(Allowance, requests_left=st.none() | st.integers(0, 100), tokens_left=st.none() | st.integers(0, 10_000))


@given(
    st.builds(
        Limits,
        requests_per_minute=st.none() | st.integers(1, 10_000),
        tokens_per_minute=st.none() | st.integers(1, 1_000_000),
        max_in_flight=st.integers(1, 20),
    ),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5000), st.floats(0, 20), OUTCOMES, LEFT, st.booleans()), max_size=80),
)
def test_whatever_happens_a_wait_is_one_that_ends(limits: Limits, deeds: list[tuple[str, int, float, Outcome, Allowance, bool]]) -> None:
    """Permits are for within the horizon, waits are longer than nothing, calls at once keep their bound, and in the end somebody may go."""
    pacer, now, out = Pacer(limits), 0.0, []
    for worker, tokens, seconds, outcome, left, settles in deeds:
        now += seconds
        told = pacer.permit(worker, tokens, now)
        assert 0 <= told.wait_s <= HORIZON_S if isinstance(told, Permit) else told.wait_s > 0
        out += [told.id] if isinstance(told, Permit) else []
        assert pacer.in_flight == len(out) <= limits.max_in_flight
        if settles and out:
            pacer.settle(out.pop(), Answered(text="", usage=Usage(input_tokens=tokens, output_tokens=1), allowance=left), now)
        elif out and not isinstance(outcome, Answered):
            pacer.settle(out.pop(0), outcome, now)
    for each in out:
        pacer.settle(each, answered(), now)
    for _ in range(50):
        told = pacer.permit("a", 1, now)
        if isinstance(told, Permit):
            return
        now += told.wait_s
    pytest.fail("nobody is let through any more")
