"""Who may call which lane now, by its pace and standing, the money, and how often the call has failed: retries are decided here alone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tandem_reasoning.coordinator.granting.affording import Affording, Broke, Dear
from tandem_reasoning.coordinator.granting.lane_desk import Granted, LaneDesk, Put, Shut
from tandem_reasoning.coordinator.granting.under_way import Sent, UnderWay
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.lanes.backoff import MOST_S, pause_s
from tandem_reasoning.lanes.hedging import Hedging, Place
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.lanes.transition import Transition
from tandem_reasoning.ledger import Desk, Discard, Forfeit, Intend, OverBudget, Recorded, Settle, Stale, Tell
from tandem_reasoning.values import NANO_USD, Call, CallPlace, Hold, Lane, Usage

_SETTLING_S = 0.2  # money that is set aside comes free as calls are answered
_REFUSED_UNSENT = (Trouble.THROTTLED, Trouble.EXHAUSTED, Trouble.UNAUTHORIZED, Trouble.UNREACHABLE)
"""Not the call's fault: they do not count as tries of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A call that a worker wants to make, and its worst case; `beside` is the ticket of the same call that takes long."""

    worker: str
    hold: Hold
    place: CallPlace
    key: str
    lane: str
    most: Usage
    beside: int = 0
    stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """It may be made."""

    ticket: int
    lane: str
    url: str
    wait_s: float
    hedge_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tired:
    """It has failed too often on this lane."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoHedge:
    """There is no second call to be made."""


Answer = Go | Recorded | Put | Shut | Stale | Broke | Dear | Tired | NoHedge


class Permits:
    """Hands them out.

    Attributes:
        affording: Knows which questions are too dear for which lanes.
    """

    def __init__(
        self,
        job: Job,
        desk: Desk,
        lanes: Mapping[str, LaneDesk],
        *,
        affording: Affording,
        hedging: Hedging | None,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """Begin.

        Args:
            job: The run.
            desk: Where the books are kept.
            lanes: By name.
            affording: Knows which questions are too dear for which lanes.
            hedging: Decides which calls that take long are made again elsewhere; None for none.
            clock: Monotonic seconds.
            chance: Uniform numbers, for jitter.
        """
        self._desk, self._lanes, self._experts = desk, lanes, {each.name: number for number, each in enumerate(job.experts)}
        self._tries, self._call_s, self._clock, self._chance = job.tries, job.thinking.call_seconds, clock, chance
        self._hedging = hedging
        self._under_way = UnderWay(clock, job.lease_seconds)
        self._failures: dict[str, dict[tuple[str, str], Sequence[str]]] = {}  # by item
        self.affording = affording

    async def permit(self, wanted: Wanted) -> Answer:
        """Leave to make a call, what it came to before, or why it cannot be made."""
        desk = self._lanes[wanted.lane]
        desk.key_seen(wanted.stamp)
        self.heard(wanted.worker)
        if wanted.beside:
            return await self._second(wanted)
        if self._others_are_well(desk):
            return Shut(why=desk.problem)
        failures = self._failed_before(wanted)
        if len(failures) >= self._tries:
            return Tired(why=f"{wanted.lane} failed {len(failures)} times: {failures[-1]}")
        answer = await self._granted(wanted, desk)
        return await self._refused(answer, wanted, desk) if isinstance(answer, OverBudget) else answer

    async def settle(self, ticket: int, wanted: Wanted, outcome: Outcome | None, *, unused: bool, memory_version: int = 0) -> float:
        """Book what came of a call.

        Args:
            ticket: What it was made under.
            wanted: Which call it was.
            outcome: What came of it; None when it was not made, or hung up on.
            unused: In that case, whether it was not made.
            memory_version: What its prompt was made from.

        Returns:
            Seconds to wait before it is tried again, if it failed.
        """
        self.heard(wanted.worker)
        if isinstance(outcome, Answered):
            await self._paid(ticket, wanted, outcome, memory_version)
        elif unused or (isinstance(outcome, Failed) and not outcome.trouble.perhaps_paid):
            await self._desk.ask(Discard(ticket=ticket))
        else:
            await self._desk.ask(Forfeit(ticket=ticket))
        if (known := self._under_way.ended(ticket)) is not None:  # not before it is booked: what was not is told again
            await self._told(self._released(known, outcome, wanted.stamp, unused=unused))
        return self._again_s(wanted, outcome) if isinstance(outcome, Failed) else 0.0

    def done(self, item: str) -> None:
        """An item is over: how often its calls failed, and what they may cost, is of no interest any more."""
        self._failures.pop(item, None)
        self.affording.done(item)

    def heard(self, worker: str) -> None:
        """A worker said something."""
        self._under_way.heard(worker)

    def lost(self, worker: str, has: Collection[str]) -> None:
        """A worker was started anew: of its calls, only those for the items that it knows of are still made."""
        self._under_way.lost(worker, but=has)

    async def look(self) -> None:
        """Tell of what has changed by time alone, and wait no longer for workers that are gone."""
        now = self._clock()
        self._under_way.look()
        await self._told([each for desk in self._lanes.values() for each in desk.looked(now)])

    async def _granted(self, wanted: Wanted, desk: LaneDesk, *, beside: Sent | None = None, at: str | None = None) -> Answer | OverBudget:
        now = self._clock()
        most_tokens = wanted.most.input_tokens + wanted.most.output_tokens
        number = self._experts.get(wanted.place.expert, 0)
        granted = desk.permit(wanted.worker, most_tokens, number, now, deadline_s=self._call_s, at=at)
        if not isinstance(granted, Granted):
            return granted
        worst_nano = desk.worst_nano(wanted.most)
        try:
            copy = 0 if beside is None else 1
            booked = await self._desk.ask(Intend(hold=wanted.hold, key=wanted.key, lane=desk.lane.name, worst_nano=worst_nano, copy=copy))
        except BaseException:
            desk.given_back(granted)
            raise
        if isinstance(booked, Recorded | Stale | OverBudget):
            desk.given_back(granted)
            return booked
        sent = Sent(
            worker=wanted.worker,
            item=wanted.hold.item,
            desk=desk,
            granted=granted,
            ticket=booked.ticket,
            most=wanted.most,
            at=now + granted.wait_s,
            beside=beside,
        )
        self._under_way.began(sent)
        return _go(sent, None if beside else self._hedge_after_s(desk, wanted))

    async def _refused(self, over: OverBudget, wanted: Wanted, desk: LaneDesk) -> Put | Dear | Broke:
        if over.may_pass_later:
            return Put(wait_s=_SETTLING_S, why="the money that is left is set aside for calls that are being made")
        item, lane = wanted.hold.item, desk.lane
        refused = self.affording.refused(over, item, lane)
        if isinstance(refused, Dear):
            message = f"question {item}: {refused.why}"
            await self._desk.ask(Tell(key=f"lane/{lane.name}/dear/{item}/{over.cap_nano}", kind="QuestionTooDear", message=message))
        return refused

    def _hedge_after_s(self, desk: LaneDesk, wanted: Wanted) -> float | None:
        """When the call that is made now is worth a second one."""
        if self._hedging is None:
            return None
        self._hedging.began()
        return self._hedging.after_s(desk.lane.name, wanted.place.expert)

    def _others_are_well(self, desk: LaneDesk) -> bool:
        """Whether the lane cannot be asked for a while and another one can: the question goes there, and does not wait."""
        now = self._clock()
        return not desk.ready(now) and any(each.ready(now) for each in self._lanes.values())

    async def _second(self, wanted: Wanted) -> Answer:
        first = self._under_way.of(wanted.beside)
        if self._hedging is None or first is None:
            return NoHedge()
        if said := self._under_way.beside(first):
            return _go(said, None)  # the answer to this wish was lost
        here = self._place(first.desk, first.granted.way.url, wanted)
        same = [self._place(first.desk, url, wanted) for url in first.desk.lane.urls]
        others = [
            self._place(desk, url, wanted)
            for desk in self._lanes.values()
            if _stands_in(desk.lane, first.desk.lane)
            for url in desk.lane.urls
        ]
        chosen = self._hedging.second(here, [*same, *(each for each in others if each.cost_nano <= here.cost_nano)])
        if chosen is None:
            return NoHedge()
        answer: Answer | OverBudget = NoHedge()
        try:
            answer = await self._granted(replace(wanted, lane=chosen.lane), self._lanes[chosen.lane], beside=first, at=chosen.url)
        finally:
            if not isinstance(answer, Go):
                self._hedging.not_made()
        return answer if isinstance(answer, Go | Recorded | Stale) else NoHedge()

    def _place(self, desk: LaneDesk, url: str, wanted: Wanted) -> Place:
        cost_nano = desk.worst_nano(wanted.most)
        return Place(lane=desk.lane.name, url=url, phase=desk.phase, idle=desk.idle(url), cost_nano=cost_nano)

    async def _paid(self, ticket: int, wanted: Wanted, outcome: Answered, memory_version: int) -> None:
        lane = self._lanes[wanted.lane].lane
        call = Call(
            key=wanted.key,
            place=wanted.place,
            lane=lane.name,
            answer=outcome.text,
            usage=outcome.usage,
            cost_nano=lane.price.of(outcome.usage),
            seconds=outcome.seconds,
            memory_version=memory_version,
        )
        settled = await self._desk.ask(Settle(ticket=ticket, call=call))
        sent = self._under_way.of(ticket)
        if settled.excess_nano:
            if sent is not None and (most_nano := lane.price.of(sent.most)):
                sent.desk.bills(call.cost_nano / most_nano)
            more = f"a call on lane {lane.name} cost {settled.excess_nano / NANO_USD:.9f} USD more than its worst case"
            message = f"{more}: its server writes more than it was asked for, so the budget may be passed; the next is set aside for"
            await self._desk.ask(Tell(key=f"lane/{lane.name}/excess", kind="BilledBeyondWorstCase", message=message))
        if self._hedging and sent:  # the time of a second call begins with the first
            self._hedging.took(sent.first.desk.lane.name, wanted.place.expert, outcome.seconds + sent.at - sent.first.at)

    def _released(self, known: Sent, outcome: Outcome | None, stamp: str, *, unused: bool) -> Sequence[Transition]:
        if outcome is not None:
            return known.desk.settled(known.granted, outcome, self._clock(), chance=self._chance(), stamp=stamp)
        if unused:
            known.desk.given_back(known.granted)
        else:
            known.desk.lost(known.granted)
        return ()

    def _again_s(self, wanted: Wanted, outcome: Failed) -> float:
        if outcome.trouble in _REFUSED_UNSENT:
            return 0.0  # the lane's own standing says when it may be asked again
        failures = (*self._failed_before(wanted), f"{outcome.trouble}: {outcome.problem}")
        of_item = self._failures.setdefault(wanted.place.item, {})
        of_item[wanted.key, wanted.lane] = failures if not outcome.trouble.of_the_item else (failures[-1],) * self._tries
        told_s = None if outcome.after_s is None else min(outcome.after_s, MOST_S)  # a lane may want more, but this one may be ready again
        return pause_s(len(failures), chance=self._chance(), told_s=told_s)

    def _failed_before(self, wanted: Wanted) -> Sequence[str]:
        return self._failures.get(wanted.place.item, {}).get((wanted.key, wanted.lane), ())

    async def _told(self, transitions: Sequence[Transition]) -> None:
        for each in transitions:
            key = f"lane/{each.lane}/{each.url}/{each.after}/{self._clock():.3f}"
            await self._desk.ask(Tell(key=key, kind=f"Lane{each.after}", message=each.sentence))


def _go(sent: Sent, hedge_after_s: float | None) -> Go:
    lane, granted = sent.desk.lane.name, sent.granted
    return Go(ticket=sent.ticket, lane=lane, url=granted.way.url, wait_s=granted.wait_s, hedge_after_s=hedge_after_s)


def _stands_in(other: Lane, lane: Lane) -> bool:
    """Whether another lane may answer in the name of one: only with the same model, for the answer counts as a vote of that one."""
    return other.name != lane.name and other.model == lane.model
