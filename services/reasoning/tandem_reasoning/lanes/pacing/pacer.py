"""Decides when a call may be sent, so that a lane is used to its limits and refuses hardly anything.

One pacer for a lane, beside the queue and not in the workers: limits are of the account. A permit is for now or for in a moment, and then
its place is kept; when more is wanted than the next moments hold, the worker is told when to come back. What lanes say of their limits,
refusals, and the tokens that a call took after all correct it. Clock-free; not for threads.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from math import ceil, inf

from tandem_reasoning.lanes.outcome import Allowance, Answered, Outcome, Trouble
from tandem_reasoning.lanes.pacing.bucket import Bucket
from tandem_reasoning.lanes.pacing.learned import Learned, Traffic
from tandem_reasoning.lanes.pacing.turns import Turns
from tandem_reasoning.values import Limits

HEADROOM = 0.01
"""Left of a limit: what clocks and networks shift calls by. With a burst of as much, no minute ever sees more than the limit."""
HORIZON_S = 1.0
"""How far ahead a permit may be for: a worker that dies with it wastes no more than that."""


class Why(StrEnum):
    """What a worker has to wait for."""

    REFUSED = "the lane asked to be left alone"
    REQUESTS = "requests a minute"
    TOKENS = "tokens a minute"
    IN_FLIGHT = "calls at once"
    TURNS = "the turn of other workers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to make one call, `wait_s` seconds from now; `id` is for settling it."""

    id: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """No permit yet: ask again in `wait_s` seconds."""

    wait_s: float
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class _Out:
    """A permit that is not settled: whose, given when and for when, tokens booked of the most it can take, and all granted up to it."""

    worker: str
    granted_at: float
    at: float
    most: int
    booked: int
    requests: int
    tokens: int


class Pacer:
    """The permits of one lane.

    Args:
        limits: How fast the lane may be used. A limit that is None is found out by refusals, if there is one.

    Attributes:
        refused: Calls that the lane refused because they were too many.
    """

    def __init__(self, limits: Limits) -> None:
        self._most_in_flight = limits.max_in_flight
        self._per_s = None if limits.requests_per_minute is None else limits.requests_per_minute * (1 - HEADROOM) / 60
        self._requests = _bucket(limits.requests_per_minute)
        self._tokens = _bucket(limits.tokens_per_minute)
        self._learned: Learned | None = None  # a limit that was told is believed until a lane refuses
        self._traffic, self._turns = Traffic(), Turns()
        self._share = 1.0  # of the most that a call can take in tokens, what calls took of late
        self._seconds = 0.0  # that a call takes, of late
        self._hold_until = 0.0
        self._ids, self._out = count(1), dict[int, _Out]()
        self._granted_requests = self._granted_tokens = 0
        self.refused = 0

    @property
    def in_flight(self) -> int:
        """Permits that are not settled."""
        return len(self._out)

    def at_most(self, in_flight: int) -> None:
        """No more calls at once from now on."""
        self._most_in_flight = in_flight

    def per_minute(self, now: float) -> float:
        """Requests a minute that are let through now; grows without end where a lane neither says a limit nor refuses."""
        return 60 * self._rate(now)

    def permit(self, worker: str, most_tokens: int, now: float) -> Permit | Later:
        """A permit for a call, or when to ask again.

        Args:
            worker: Who asks; workers get about as many, if they want as many.
            most_tokens: The most that the call can read and write together.
            now: Seconds on a clock that never goes back.
        """
        self._turns.came(worker, now)
        if self.in_flight >= self._most_in_flight:
            return self._later(worker, now, self._seconds / self._most_in_flight, Why.IN_FLIGHT)
        self._follow_rate(now)
        at, why = max(self._moments(now), key=lambda each: each[0])
        if at - now > HORIZON_S:
            return self._later(worker, now, at - now - HORIZON_S, why)
        if not self._turns.may_have(worker, now):
            return self._later(worker, now, 0.0, Why.TURNS)
        self._turns.gave(worker)
        return self._grant(worker, most_tokens, at, now)

    def settle(self, permit: int, outcome: Outcome, now: float) -> None:
        """The call was made, and this came of it. One that is not known any more changes nothing."""
        out = self._out.pop(permit, None)
        if out is None:
            return
        self._heed(outcome.allowance, out, now)
        if isinstance(outcome, Answered):
            self._traffic.taken()
            self._settle_tokens(out, outcome)
            self._seconds += _NEWEST * (outcome.seconds - self._seconds)
        elif outcome.trouble is Trouble.THROTTLED:
            self._throttled(out, outcome.after_s, now)

    def give_back(self, permit: int) -> None:
        """The call is not made after all."""
        if out := self._out.pop(permit, None):
            self._requests = self._requests and self._requests.returned(1)
            self._tokens = self._tokens and self._tokens.returned(out.booked)

    def lost(self, worker: str) -> None:
        """A worker is gone: whether its calls were made nobody knows, so they count and are waited for no longer."""
        self._turns.forget(worker)
        for permit in [each for each, out in self._out.items() if out.worker == worker]:
            del self._out[permit]

    def _moments(self, now: float) -> list[tuple[float, Why]]:
        """From when on each limit lets a call through."""
        moments = [(max(now, self._hold_until), Why.REFUSED)]
        if self._requests:
            moments.append((self._requests.at(now), Why.REQUESTS))
        if self._tokens:
            moments.append((self._tokens.at(now), Why.TOKENS))
        return moments

    def _grant(self, worker: str, most: int, at: float, now: float) -> Permit:
        booked = max(1, ceil(most * self._share))
        self._requests = self._requests and self._requests.granted(1, at)
        self._tokens = self._tokens and self._tokens.granted(booked, at)
        self._traffic.sent(at)
        self._granted_requests += 1
        self._granted_tokens += booked
        id_ = next(self._ids)
        self._out[id_] = _Out(
            worker=worker, granted_at=now, at=at, most=most, booked=booked, requests=self._granted_requests, tokens=self._granted_tokens
        )
        return Permit(id=id_, wait_s=at - now)

    def _later(self, worker: str, now: float, wait_s: float, why: Why) -> Later:
        """Come back when there may be room: of a worker's calls that wait, each one as much later as it takes to serve all workers once."""
        apart_s = max(_APART_S, 1 / self._rate(now))
        queued_s = apart_s * self._turns.before(worker, now)
        wait_s = max(wait_s, apart_s) + min(queued_s, _LONGEST_S)
        self._turns.put_off(worker, now, wait_s)
        return Later(wait_s=wait_s, why=why)

    def _rate(self, now: float) -> float:
        """Requests a second, by what was told and what was learned."""
        if self._learned is None and self._per_s is None:
            self._learned = Learned(cut_at=now)
        learned = inf if self._learned is None else self._learned.per_s(now)
        return learned if self._per_s is None else min(self._per_s, learned)

    def _follow_rate(self, now: float) -> None:
        rate = self._rate(now)
        self._requests = self._requests.at_rate(rate) if self._requests else Bucket(rate=rate, depth_s=0.0)

    def _throttled(self, out: _Out, after_s: float | None, now: float) -> None:
        self.refused += 1
        asked, through = self._rate(now), self._traffic.refused(out.at, now)
        self._learned = (self._learned or Learned()).refused(now, granted_at=out.granted_at, asked_per_s=asked, through=through)
        self._tokens = self._tokens and self._tokens.returned(out.booked)
        self._hold_until = max(self._hold_until, now + (after_s or 0.0))
        if self._hold_until - now > _LONGEST_S:
            self._traffic.stopped()

    def _settle_tokens(self, out: _Out, answer: Answered) -> None:
        took = answer.usage.input_tokens + answer.usage.output_tokens
        self._tokens = self._tokens and self._tokens.returned(out.booked - took)
        self._share += _NEWEST * (min(1.0, took / max(1, out.most)) - self._share)

    def _heed(self, left: Allowance, out: _Out, now: float) -> None:
        """What the lane counted when the call reached it, carried on to now: with what came back since, and what was granted since."""
        if self._requests and left.requests_left is not None:
            since = self._granted_requests - out.requests
            self._requests = self._requests.at_most(left.requests_left + self._requests.rate * (now - out.at) - since, now)
        if self._tokens and left.tokens_left is not None:
            since = self._granted_tokens - out.tokens
            self._tokens = self._tokens.at_most(left.tokens_left + self._tokens.rate * (now - out.at) - since, now)


_NEWEST = 0.1  # weight of the newest call in what calls took of late
_APART_S = 0.005  # between two who come back, at least
_LONGEST_S = 5.0  # nobody is told to sleep longer for being one of many, and a lane that is: what it did before is no measure


def _bucket(per_minute: int | None) -> Bucket | None:
    return None if per_minute is None else Bucket(rate=per_minute * (1 - HEADROOM) / 60, depth_s=60 * HEADROOM)
