"""What a ledger that comes from a snapshot must be told before anybody works with it: that time has passed that it knows nothing of.

Meanwhile items were handed out and tickets given that this ledger will hand out and give again. So all its numbers jump: a worker that
comes back from the lost time speaks of a hold or a ticket that nobody has.
"""

from dataclasses import dataclass

from tandem_reasoning.ledger.draft import Draft
from tandem_reasoning.ledger.jobs.money import Charge
from tandem_reasoning.ledger.jobs.news import Tell
from tandem_reasoning.ledger.values import State

NOBODY = ""
"""Lane of what no lane is known to have cost."""

_JUMP = 1_000_000
"""Of fences and tickets: at a thousand calls a second this many are given in a quarter of an hour, and snapshots are a minute apart."""

_LEASED = "SELECT position FROM item WHERE state = 'leased'"
_FENCES = "UPDATE item SET state = 'ready', until = 0, fence = fence + ?, attempts = max(0, attempts - (state = 'leased')) WHERE state = ?"
_TICKETS = """
    INSERT INTO bill (ticket, key, position, fence, lane, copy, state, worst_nano)
    SELECT (SELECT coalesce(max(ticket), 0) FROM bill) + ?, ?, min(position), 0, ?, 0, 'discarded', 0 FROM item HAVING count(*) > 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Take up a run again from a snapshot.

    Attributes:
        key: Names the restoring; a second time nothing happens.
        unknown_nano: What may have been spent that the snapshot does not know of: taken to be spent.
        message: One line for a person.
    """

    key: str
    unknown_nano: int
    message: str

    def apply(self, draft: Draft) -> bool:
        """Whether it is new."""
        if not Tell(key=self.key, kind="LedgerRestored", message=self.message).apply(draft):
            return False
        for (position,) in draft.all(_LEASED):
            draft.give_up_calls(position)
            draft.move(State.LEASED, State.READY)
        for state in (State.READY, State.LEASED):  # in this order: what is leased becomes ready
            draft.run(_FENCES, _JUMP, state)
        draft.run(_TICKETS, _JUMP, self.key, NOBODY)
        if self.unknown_nano:
            Charge(lane=NOBODY, nano=self.unknown_nano, why=self.key).apply(draft)
        return True
