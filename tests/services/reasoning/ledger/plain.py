"""A ledger as plain dicts, with no thought of disks or speed: what a real one is compared with."""

import math
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Any

from tandem_reasoning.ledger import (
    Books,
    Charge,
    Claim,
    Complete,
    Completed,
    Discard,
    Extend,
    Fail,
    Failed,
    Forfeit,
    Hold,
    Intend,
    Lease,
    Load,
    Memory,
    Outcome,
    OverBudget,
    Recorded,
    Release,
    Reserved,
    Retried,
    Sent,
    SetCap,
    Settle,
    Settled,
    Stale,
    State,
    Sums,
    Tell,
)
from tandem_reasoning.values import Call, Question


@dataclass
class PlainItem:
    question: Question
    state: State = State.READY
    fence: int = 0
    attempts: int = 0
    until: float = 0
    worker: str = ""
    outcome: Outcome | None = None
    too_dear: bool = False


@dataclass
class PlainBill:
    intend: Intend
    state: str = "open"
    paid: Call | None = None


@dataclass
class Plain:
    """All that a ledger knows; times are seconds that it has been open."""

    max_attempts: int
    now: float = 0
    age: float = 0
    cap_nano: int | None = None
    items: dict[str, PlainItem] = field(default_factory=dict)
    bills: list[PlainBill] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    charges: dict[tuple[str, str], int] = field(default_factory=dict)
    outbox: dict[str, bytes | None] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def books(self, lane: str | None = None) -> Books:
        """Of a lane, or of all."""
        of = [each for each in self.bills if lane in {None, each.intend.lane}]
        open_, lost = ([each.intend.worst_nano for each in of if each.state == state] for state in ("open", "unconfirmed"))
        paid = [each.paid for each in of if each.paid]
        again = [each for each in paid if self.calls[each.key] is not each]
        charged = sum(nano for (whose, _), nano in self.charges.items() if lane in {None, whose})
        return Books(
            spent_nano=sum(each.cost_nano for each in paid) + sum(lost) + charged,
            unconfirmed_nano=sum(lost),
            unconfirmed_calls=len(lost),
            rebilled_nano=sum(each.cost_nano for each in again),
            rebilled_calls=len(again),
            charged_nano=charged,
            reserved_nano=sum(open_),
            calls=len(paid) - len(again),
            input_tokens=sum(each.usage.input_tokens for each in paid),
            output_tokens=sum(each.usage.output_tokens for each in paid),
        )

    def sums(self) -> Sums:
        lanes = {each.intend.lane for each in self.bills} | {lane for lane, _ in self.charges}
        items: dict[tuple[State, str], int] = {}
        for each in self.items.values():
            place = each.state, each.outcome.lane if each.outcome else ""
            items[place] = items.get(place, 0) + 1
        return Sums(cap_nano=self.cap_nano, total=self.books(), lanes={lane: self.books(lane) for lane in lanes}, items=items)

    def give_up_calls(self, item: str) -> None:
        for each in self.bills:
            if each.intend.hold.item == item and each.state == "open":
                each.state = "unconfirmed"

    def stale(self, hold: Hold, *states: State) -> Stale | None:
        item = self.items[hold.item]
        return None if item.fence == hold.fence and item.state in states else Stale(item=hold.item, fence=item.fence)

    def post(self, memories: tuple[Memory, ...]) -> None:
        for each in memories:
            self.outbox.setdefault(each.key, each.record)

    def lapse(self) -> None:
        for name, item in self.items.items():
            if item.state is State.LEASED and item.until <= self.age:
                item.state = State.READY if item.attempts < self.max_attempts else State.FAILED
                item.until, item.too_dear = 0, False
                self.give_up_calls(name)

    @singledispatchmethod
    def do(self, job: Any) -> Any:
        raise NotImplementedError(job)

    @do.register
    def _(self, job: Load) -> int:
        new = [each for each in job.questions if each.id not in self.items]
        self.items |= {each.id: PlainItem(each) for each in new}
        return len({each.id for each in new})

    @do.register
    def _(self, job: Claim) -> tuple[Lease, ...]:
        ready = [each for each in self.items.values() if each.state is State.READY and each.until <= self.age]
        leases = []
        for item in ready[: job.count]:
            item.state, item.fence, item.attempts = State.LEASED, item.fence + 1, item.attempts + 1
            item.until, item.worker = self.age + job.lease_s, job.worker
            hold = Hold(item=item.question.id, fence=item.fence)
            leases.append(Lease(hold=hold, question=item.question, until=self.now + job.lease_s, attempts=item.attempts))
        return tuple(leases)

    @do.register
    def _(self, job: Extend) -> tuple[Stale, ...]:
        lost = []
        for hold in job.holds:
            if stale := self.stale(hold, State.LEASED, State.READY):
                lost.append(stale)
            else:
                item = self.items[hold.item]
                item.state, item.until = State.LEASED, max(item.until, self.age + job.lease_s)
        return tuple(lost)

    @do.register
    def _(self, job: Release) -> Stale | None:
        if stale := self.stale(job.hold, State.LEASED, State.READY):
            return stale
        item = self.items[job.hold.item]
        item.state, item.fence, item.attempts, item.until = State.READY, item.fence + 1, item.attempts - 1, self.age + job.rest_s
        self.give_up_calls(job.hold.item)
        return None

    @do.register
    def _(self, job: Fail) -> Any:
        if stale := self.stale(job.hold, State.LEASED, State.READY):
            return stale
        item = self.items[job.hold.item]
        self.give_up_calls(job.hold.item)
        item.fence, item.until = item.fence + 1, self.age + job.rest_s
        item.state = State.FAILED if item.attempts == self.max_attempts else State.READY
        item.too_dear = job.too_dear
        return Failed(reason=job.reason) if item.state is State.FAILED else Retried(attempts=item.attempts)

    @do.register
    def _(self, job: Complete) -> Any:
        if stale := self.stale(job.hold, State.LEASED, State.READY, State.DONE):
            return stale
        item = self.items[job.hold.item]
        if item.outcome:
            return Completed(repeated=True)
        item.state, item.outcome = State.DONE, job.outcome
        self.give_up_calls(job.hold.item)
        self.post(job.memories)
        return Completed()

    @do.register
    def _(self, job: Intend) -> Any:
        if job.key in self.calls:
            return Recorded(call=self.calls[job.key])
        if stale := self.stale(job.hold, State.LEASED):
            return stale
        for number, each in enumerate(self.bills, 1):
            same = (each.intend.hold, each.intend.key, each.intend.lane, each.intend.copy) == (job.hold, job.key, job.lane, job.copy)
            if each.state == "open" and same:
                return Reserved(ticket=number)
        books = self.books()
        over = self.cap_nano is not None and books.spent_nano + books.reserved_nano + job.worst_nano > self.cap_nano
        if over and job.worst_nano:
            sums = {"spent_nano": books.spent_nano, "reserved_nano": books.reserved_nano}
            return OverBudget(worst_nano=job.worst_nano, cap_nano=self.cap_nano, **sums)
        self.bills.append(PlainBill(job))
        return Reserved(ticket=len(self.bills))

    @do.register
    def _(self, job: Settle) -> Settled:
        bill = self.bills[job.ticket - 1]
        if bill.paid:
            return Settled(recorded=self.calls[bill.paid.key] is bill.paid, repeated=True)
        bill.state, bill.paid = "settled", job.call
        recorded = self.calls.setdefault(job.call.key, job.call) is job.call
        self.post(job.memories)
        excess = max(0, job.call.cost_nano - bill.intend.worst_nano)
        return Settled(recorded=recorded, rebilled_nano=0 if recorded else job.call.cost_nano, excess_nano=excess)

    @do.register
    def _(self, job: Discard) -> bool:
        bill = self.bills[job.ticket - 1]
        freed = bill.state in {"open", "unconfirmed"}
        bill.state = "discarded" if freed else bill.state
        return freed

    @do.register
    def _(self, job: Forfeit) -> bool:
        bill = self.bills[job.ticket - 1]
        was_open = bill.state == "open"
        bill.state = "unconfirmed" if was_open else bill.state
        return was_open

    @do.register
    def _(self, job: Charge) -> bool:
        new = (job.lane, job.why) not in self.charges
        self.charges.setdefault((job.lane, job.why), job.nano)
        return new

    @do.register
    def _(self, job: SetCap) -> None:
        limits = [math.inf if each is None else each for each in (self.cap_nano, job.cap_nano)]
        self.cap_nano = job.cap_nano
        for item in self.items.values():
            if limits[0] < limits[1] and item.state is State.FAILED and item.too_dear:
                item.state, item.until, item.attempts = State.READY, 0, 0

    @do.register
    def _(self, job: Tell) -> bool:
        new = job.key not in self.events
        self.events += [job.key] * new
        return new

    @do.register
    def _(self, job: Sent) -> None:
        keys = list(self.outbox)
        for number in job.numbers:
            if number <= len(keys):
                self.outbox[keys[number - 1]] = None
