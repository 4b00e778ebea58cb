"""Does the limit of a DualRun hold over all that it pays for? Calls have a price, or the spec is refused; machines may have none.

The coordinator adds up what it is told of each lane, `price.usdPerHour` included. It knows nothing of machines: one of a cluster that a
server of ours stands on costs nothing there unless its lane says what. A server of somebody else's is that somebody's affair.
"""

from tandem_operator.api.dual_run import DualRun

from .slots import engines
from .starts import current
from .values import DualSeen, Role


def unpriced(run: DualRun, seen: DualSeen, before: str) -> str:
    """What to do about a server that stands on a machine for nothing, although there is a limit; empty where there is none.

    While no server is up, what was said `before` stands: what has stood there without a price is not counted any better by now.
    """
    lanes = {slot.name: slot.lane for slot in engines(run)}
    open_lanes = {lane.name: index for index, lane in enumerate(run.spec.lanes) if lane.engine and lane.price is None}
    if run.spec.budget.usd is None or not open_lanes:
        return ""
    up = [part for part in current(run.status, seen) if part.role is Role.ENGINE and part.live and not part.waiting]
    if not up:
        return before
    found = next((part for part in up if part.node and lanes.get(part.slot) in open_lanes), None)
    if found is None:
        return ""
    field = f"spec.lanes[{open_lanes[lanes[found.slot]]}].price.usdPerHour"
    return (
        f"what node {found.node} costs is not known, so it counts as free and spec.budget.usd does not limit it:"
        f" set {field} to what the lane's machines cost an hour, such as 1.50, or to 0 if they are free"
    )
