"""What did the falls of a run cost in dollars? The time from each fall to the next step, and the steps that were done again.

Time is charged as it passes: whatever is spent while the run has fallen and has not made a step again. Steps are charged when the
next attempt says where it goes on from, at what a step has cost on average so far, time that was charged already left out.
So no dollar is counted twice, and never more than was spent.
"""

from decimal import ROUND_DOWN, Decimal

from tandem_operator.api.dollars import rounded
from tandem_operator.api.status import RunStatus

_KEPT = Decimal("1e-12")  # as fine as spend itself is kept


def booked(before: RunStatus, after: RunStatus) -> RunStatus:
    """`after` with the loss of this look, given the status `before` it; reports and spend are in `after` already."""
    idle = after.spent_usd - before.spent_usd if before.fell_at else Decimal(0)
    lost = before.lost_usd + idle + _again(before, after.lost_steps - before.lost_steps)
    return after if lost == after.lost_usd else after.model_copy(update={"lost_usd": lost})


def _again(before: RunStatus, steps: int) -> Decimal:
    """What `steps` cost that have to be done again: at most all that was made until the fall."""
    if not before.fell_at_step:
        return Decimal(0)
    useful = before.spent_usd - before.lost_usd
    return rounded(useful * steps / before.fell_at_step, _KEPT, ROUND_DOWN)
