"""Why does a DualRun not answer yet? What holds up its parts, as `policies/placing.py` says it, or why they are not started.

Parts of a run that runs may wait, too: of one whose machine was lost the next start may find no room.
"""

from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import placing
from tandem_operator.plan.policies.placing import Standing
from tandem_operator.plan.values import Tier

from .phases import Reason
from .starts import current, there
from .values import DualSeen, Role, SeenPart

ALL_UP, ALL_PLACED = "AllPartsUp", "AllPartsPlaced"
OLD_START, BACKING_OFF = "WaitingForOldStart", "BackingOff"

_IN_ORDER = tuple(Role)


def standing(run: DualRun, seen: DualSeen, now: datetime) -> Standing:
    """How the parts stand; a run that is neither pending nor running has none to place."""
    match run.status.phase:
        case RunPhase.PENDING:
            return _held(run, seen) or _pending(run, seen, now)
        case RunPhase.RUNNING:
            return _held(run, seen) or Standing(scheduled=True, reason=ALL_UP)
        case phase:
            return Standing(scheduled=False, reason=phase)


def _held(run: DualRun, seen: DualSeen) -> Standing | None:
    """What the platform says of parts that it has no place for, or would not have at all."""
    live = sorted((part for part in current(run.status, seen) if part.live), key=lambda part: (_IN_ORDER.index(part.role), part.index))
    waits = ((part.name, part.waiting) for part in live if part.waiting)
    held = placing.worst(waits, of=len(run.status.parts), who="parts")
    if held or not seen.accepted:
        return held or _unaccepted(run, seen)
    return placing.refused(seen.refused, who="parts") if seen.refused else None


def _unaccepted(run: DualRun, seen: DualSeen) -> Standing | None:
    """Parts that fell, or never came, of a run of which nothing can be started until it is accepted."""
    up = there(run.status, seen)
    gone = [part.name for part in run.status.parts if part.name not in up]
    if not gone:
        return None
    message = f"{len(gone)} of {len(run.status.parts)} parts are not there and not started until the run is accepted: {', '.join(gone)}"
    return Standing(scheduled=False, reason=Reason.NOT_ACCEPTED, message=message)


def _pending(run: DualRun, seen: DualSeen, now: datetime) -> Standing:
    there = {part.slot for part in current(run.status, seen) if part.live}
    if run.status.parts and len(there) == len(run.status.parts):
        return Standing(scheduled=True, reason=ALL_PLACED)
    if old := _old(run, seen):
        return Standing(scheduled=False, reason=OLD_START, message=f"part {old.name} of an earlier start has not left yet")
    waits = [part for part in run.status.parts if part.start_after and now < part.start_after and part.name not in there]
    if waits:
        first = waits[0]
        return Standing(scheduled=False, reason=BACKING_OFF, message=f"{first.name} starts at {first.start_after:%H:%M:%S} UTC")
    return Standing(scheduled=False, reason=Tier.START, message=f"attempt {run.status.attempt} is being started")


def _old(run: DualRun, seen: DualSeen) -> SeenPart | None:
    """A part that lives and is not of the number that stands in the status."""
    known = {part.name for part in current(run.status, seen)}
    return next((part for part in seen.live() if part.name not in known), None)
