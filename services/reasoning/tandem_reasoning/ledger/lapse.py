"""Ends leases that ran out, before anything else of a group is done: else money that a dead worker set aside would never be free.

A lease that ran out is still its holder's for as long as nobody else has the item: a slow answer is not thrown away for nothing.
"""

from tandem_reasoning.ledger.draft import Draft
from tandem_reasoning.ledger.values import State

_LAPSED = "SELECT position, attempts, worker FROM item WHERE state = 'leased' AND until <= ?"
_END = "UPDATE item SET state = ?, until = 0, reason = ? WHERE position = ?"


def lapse(draft: Draft) -> None:
    """Make items ready again whose leases ran out; those have failed that were on their last attempt."""
    for position, attempts, worker in draft.all(_LAPSED, draft.age):
        after = State.READY if attempts < draft.max_attempts else State.FAILED
        reason = f"worker {worker} was not heard of any more; attempt {attempts} of {draft.max_attempts}"
        draft.run(_END, after, reason, position)
        draft.give_up_calls(position)
        draft.move(State.LEASED, after)
