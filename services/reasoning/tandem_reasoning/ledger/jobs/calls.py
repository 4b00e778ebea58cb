"""A call in the books: set aside before it is sent, paid when it is answered, recorded once whatever happens between.

Reserve before, settle after, and take what nobody told the end of to be spent: so spend never passes the cap, however many
calls are in flight and whoever is killed. A call whose record is there is not made again.
"""

from dataclasses import dataclass, replace

from tandem_reasoning.ledger.bill import Bill, Stage
from tandem_reasoning.ledger.draft import Draft, written
from tandem_reasoning.ledger.errors import TicketError
from tandem_reasoning.ledger.rows import RECORDED, call_of
from tandem_reasoning.ledger.values import Memory, OverBudget, Recorded, Reserved, Settled, Stale, State
from tandem_reasoning.values import Call, Hold

_OPEN = "SELECT ticket FROM bill WHERE state = 'open' AND position = ? AND fence = ? AND key = ? AND lane = ? AND copy = ?"
_INTEND = "INSERT INTO bill (position, fence, key, lane, copy, worst_nano) VALUES (?, ?, ?, ?, ?, ?)"
_BILL = "SELECT key, position, lane, state, worst_nano FROM bill WHERE ticket = ?"
_SETTLE = "UPDATE bill SET state = 'settled', cost_nano = ?, input_tokens = ?, output_tokens = ?, records = ? WHERE ticket = ?"
_RECORD = """
    INSERT INTO call (key, ticket, position, step, expert, sample, lane, input_tokens, output_tokens, cost_nano, seconds,
                      memory_version, answer)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intend:
    """Ask to make a call.

    Attributes:
        hold: The item that it is for.
        key: Of the call.
        lane: Who is to be asked.
        worst_nano: Most that it can cost.
        copy: 0, or another number for each call of the same key that is to be made at the same time on the same lane (a hedge).
    """

    hold: Hold
    key: str
    lane: str
    worst_nano: int
    copy: int = 0

    def __post_init__(self) -> None:
        """Money set aside is not negative."""
        assert self.worst_nano >= 0

    def apply(self, draft: Draft) -> Recorded | Reserved | OverBudget | Stale:
        """Whether it may be made. Asked again after a lost answer, it is the same ticket."""
        if row := draft.one(RECORDED, self.key):
            return Recorded(call=call_of(row))
        position, state, fence, _ = draft.item(self.hold.item)
        if fence != self.hold.fence or state is not State.LEASED:
            return Stale(item=self.hold.item, fence=fence)
        place = (position, fence, self.key, self.lane, self.copy)
        if found := draft.one(_OPEN, *place):
            return Reserved(ticket=found[0])
        if over := draft.over_budget(self.worst_nano):
            return over
        draft.book(self.lane, Bill(lane=self.lane, state=Stage.OPEN, worst_nano=self.worst_nano).books)
        return Reserved(ticket=draft.insert(_INTEND, *place, self.worst_nano))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Pay for a call that was answered, and record it unless its record is there.

    It counts whoever has the item by now: what was paid for is kept.
    """

    ticket: int
    call: Call
    memories: tuple[Memory, ...] = ()

    def apply(self, draft: Draft) -> Settled:
        """What was booked.

        Raises:
            TicketError: when the ticket was not given for a call of this key.
        """
        call = self.call
        key, position, bill = _bill(draft, self.ticket)
        if key != call.key:
            msg = f"ticket {self.ticket} was given for call {key}, not for {call.key}"
            raise TicketError(msg)
        if bill.state is Stage.SETTLED:
            return Settled(recorded=draft.one("SELECT 1 FROM call WHERE ticket = ?", self.ticket) is not None, repeated=True)
        recorded = self._record(draft, position)
        paid = replace(
            bill,
            state=Stage.SETTLED,
            cost_nano=call.cost_nano,
            input_tokens=call.usage.input_tokens,
            output_tokens=call.usage.output_tokens,
            records=recorded,
        )
        draft.run(_SETTLE, paid.cost_nano, paid.input_tokens, paid.output_tokens, recorded, self.ticket)
        draft.rebook(bill, paid)
        draft.post(self.memories)
        return Settled(
            recorded=recorded,
            rebilled_nano=0 if recorded else call.cost_nano,
            excess_nano=max(0, call.cost_nano - bill.worst_nano),
        )

    def _record(self, draft: Draft, position: int) -> bool:
        """Whether it was not there."""
        call, place = self.call, self.call.place
        values = (call.key, self.ticket, position, place.step, place.expert, place.sample, call.lane)
        figures = (call.usage.input_tokens, call.usage.output_tokens, call.cost_nano, call.seconds, call.memory_version)
        return draft.run(_RECORD, *values, *figures, written(call.answer)) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Free what was set aside for a call: nothing was sent, or the lane refused it before it did anything."""

    ticket: int

    def apply(self, draft: Draft) -> bool:
        """Whether anything was freed.

        Raises:
            TicketError: when the ticket was never given.
        """
        return _to(draft, self.ticket, Stage.DISCARDED, among=(Stage.OPEN, Stage.UNCONFIRMED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forfeit:
    """Take a call to be spent in full: it was sent, and its answer was lost."""

    ticket: int

    def apply(self, draft: Draft) -> bool:
        """Whether it was open.

        Raises:
            TicketError: when the ticket was never given.
        """
        return _to(draft, self.ticket, Stage.UNCONFIRMED, among=(Stage.OPEN,))


def _to(draft: Draft, ticket: int, stage: Stage, *, among: tuple[Stage, ...]) -> bool:
    _, _, bill = _bill(draft, ticket)
    if bill.state not in among:
        return False
    draft.run("UPDATE bill SET state = ? WHERE ticket = ?", stage, ticket)
    draft.rebook(bill, replace(bill, state=stage))
    return True


def _bill(draft: Draft, ticket: int) -> tuple[str, int, Bill]:
    """Key, position of the item, and what stands in the books; the figures of a settled bill are left out, since it stays as it is."""
    row = draft.one(_BILL, ticket)
    if row is None:
        msg = f"ticket {ticket} was not given by this ledger"
        raise TicketError(msg)
    key, position, lane, state, worst_nano = row
    return key, position, Bill(lane=lane, state=Stage(state), worst_nano=worst_nano)
