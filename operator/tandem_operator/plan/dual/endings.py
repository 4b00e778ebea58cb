"""Why the parts of a run must leave: it is done, somebody wants it to rest, or it is hopeless."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_run import DualRun, OnDualExhausted
from tandem_operator.api.dual_status import PartStatus
from tandem_operator.api.lane import LaneKind, PriceSpec
from tandem_operator.api.status import RunPhase
from tandem_operator.plan.policies import deadline

from . import heard, progress, starts
from .phases import UNDER_WAY, Ending, Reason
from .values import DualSeen, Role, SeenPart

_FORGIVEN: Final = 6  # failures in a row of a part that nobody can do without: their waits add up to a minute
_LONGEST_MESSAGE: Final = 1000  # characters; a status must stay readable
_NEEDED: Final = (Role.ENGINE, Role.COORDINATOR, Role.WORKER)  # without a memory answers go on


def ending(run: DualRun, seen: DualSeen, now: datetime) -> Ending | None:
    """Why its parts must leave; None while the run may go on."""
    return finished(run) or forbidden(run, seen) or wish(run, seen, now) or _hopeless(run, seen) or progress.missed(run, now)


def finished(run: DualRun) -> Ending | None:
    """The end that a run is made for."""
    status = run.status
    if not heard.all_answered(status):
        return None
    if not status.failed:
        return Ending(reason=Reason.ALL_ANSWERED, phase=RunPhase.SUCCEEDED, message=f"{status.done} questions answered")
    message = f"{status.failed} of {status.total} questions were given up, each with a reason; the others are answered"
    return Ending(reason=Reason.PARTIAL_FAILURE, phase=RunPhase.SUCCEEDED, message=message)


def wish(run: DualRun, seen: DualSeen, now: datetime) -> Ending | None:
    """What somebody wants, if it is that the run does not go on now."""
    if late := deadline.passed(run, now):
        return Ending(reason=Reason.DEADLINE_EXCEEDED, phase=RunPhase.FAILED, message=late.message)
    if broke := exhausted(run):
        return broke
    if run.spec.suspend:
        return Ending(reason=Reason.SUSPEND_REQUESTED, phase=RunPhase.SUSPENDED, message="stopped on request")
    return None if seen.accepted else _unaccepted(run, seen)


def forbidden(run: DualRun, seen: DualSeen) -> Ending | None:
    """The word of a part that starting it again would be of no use."""
    for part in starts.current(run.status, seen):
        if part.exit_code in starts.NEVER_AGAIN:
            return Ending(reason=Reason.DO_NOT_RESTART, phase=RunPhase.FAILED, message=said(part))
    return None


def exhausted(run: DualRun) -> Ending | None:
    """The end of the money, under the limit that is written now; with LocalOnly the run goes on for as long as that costs nothing."""
    limit, then = run.spec.budget.usd, run.spec.budget.on_exhausted
    if limit is None or not heard.broke(run) or _goes_on(run, limit):
        return None
    left = limit - run.status.spent_usd
    too_little = f", for another call may cost more than the {dollars(left)} that are left" if left > 0 else ""
    spent = f"the budget of {dollars(limit)} is spent{too_little}"
    if then is OnDualExhausted.FAIL:
        return Ending(reason=Reason.BUDGET_EXHAUSTED, phase=RunPhase.FAILED, message=spent)
    return Ending(reason=Reason.BUDGET_EXHAUSTED, phase=RunPhase.SUSPENDED, message=f"{spent}: raise spec.budget.usd to go on")


def said(part: SeenPart) -> str:
    """How a part ended, in one line."""
    message = " ".join(part.message.split())[:_LONGEST_MESSAGE]
    code = "is not heard of" if part.exit_code is None else f"exited with {part.exit_code}"
    return f"{part.name} {code}" + (f": {message}" if message else "")


def _goes_on(run: DualRun, limit: Decimal) -> bool:
    """Whether a local lane goes on that costs nothing by the token; beside one that costs some by the hour, up to the limit."""
    prices = [(lane.kind, lane.price or PriceSpec()) for lane in run.spec.lanes]
    free = any(kind is LaneKind.LOCAL and not price.by_token for kind, price in prices)
    used_up = run.status.spent_usd >= limit and any(price.usd_per_hour for _, price in prices)
    return run.spec.budget.on_exhausted is OnDualExhausted.LOCAL_ONLY and free and not used_up


def _hopeless(run: DualRun, seen: DualSeen) -> Ending | None:
    """Parts without which nothing is answered, and that fall again and again: coordinator, memory, all workers, or all lanes."""
    for fallen in _by_role(run, Role):
        if all(part.failures > _FORGIVEN for part in fallen):
            return Ending(reason=Reason.TOO_MANY_FAILURES, phase=RunPhase.FAILED, message=_why(fallen, seen))
    return None


def _unaccepted(run: DualRun, seen: DualSeen) -> Ending | None:
    """The rest of a run of which nothing can be started until it is accepted; None while it answers all the same.

    If no coordinator is left, or no worker, or no engine where all lanes need one, the others would only be paid for: by nobody's
    count, since what they cost the coordinator adds up.
    """
    message = "nothing is started until the run is accepted"
    if run.status.phase in UNDER_WAY:
        if not (gone := _gone(run, seen)):
            return None
        message = f"{', '.join(gone)} {'are' if gone[1:] else 'is'} not there, and {message}"
    elif run.status.reason == Reason.NOT_ACCEPTED:
        message = run.status.message
    return Ending(reason=Reason.NOT_ACCEPTED, phase=RunPhase.SUSPENDED, message=message)


def _gone(run: DualRun, seen: DualSeen) -> list[str]:
    """The parts of a role of which none is left, though nothing is answered without it."""
    up = starts.there(run.status, seen)
    for parts in _by_role(run, _NEEDED):
        names = [part.name for part in parts]
        if not up.intersection(names):
            return names
    return []


def _by_role(run: DualRun, roles: Iterable[Role]) -> Iterator[list[PartStatus]]:
    """The parts of each of `roles` that has any; engines are none of them where a lane with a server of somebody else's carries on."""
    others = any(lane.engine is None for lane in run.spec.lanes)
    for role in roles:
        parts = [part for part in run.status.parts if part.name.startswith(f"{role}-")]
        if parts and not (role is Role.ENGINE and others):
            yield parts


def _why(fallen: Sequence[PartStatus], seen: DualSeen) -> str:
    names, last = ", ".join(part.name for part in fallen), starts.last_of(fallen[-1].name, seen)
    return f"{names}: {fallen[-1].failures} failures in a row; the last: {said(last) if last else 'unknown'}"
