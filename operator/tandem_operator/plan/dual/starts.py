"""How often each part was started, and when it is started next: one number and one wait for each slot, kept in the status.

Exit codes are a contract, as for trainers: 0 done; 143 (128 + SIGTERM), or a platform's word, is nobody's fault; 93 means "never again";
anything else is a failure. Failures in a row wait longer each time, and so do interruptions: a machine may turn away whatever comes.
A part that stood for a while has shown that it can, so its next fall is the first again: no run ends because its parts were killed
often, only because one of them cannot live. A worker that leaves with 0 was told that all is over: nobody takes its place before there was
time to tell us the same.

A part goes by what it was told when it started. Where the run says something else by now, or parts know each other by something else
(`told.py`), the part gets the next number, which makes the old one leave.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus, PartStatus
from tandem_operator.api.upkeep import BackoffSpec
from tandem_operator.plan.policies.restart import DO_NOT_RESTART, PREEMPTED, wait

from .slots import slots
from .told import told
from .values import DualSeen, Role, SeenPart

NEVER_AGAIN: Final = (DO_NOT_RESTART, 126, 127)
"""93 by contract; 126 and 127 as shells say it: the program cannot be run, or is not there."""

_BACKOFF: Final = BackoffSpec(first=timedelta(seconds=1), longest=timedelta(minutes=1))
_STOOD: Final = timedelta(minutes=1)  # longer than any wait: whoever stands so long does not fall in a storm
_TOLD: Final = timedelta(seconds=5)  # the coordinator tells workers that all is over, and us twice a second, or once it is back


def booked(run: DualRun, seen: DualSeen, now: datetime) -> DualRunStatus:
    """The status in which each slot has a number to be started under: the one that stands, or the next one after a fall."""
    known = {part.name: part for part in run.status.parts}
    wanted = slots(run, memory_offered=seen.memory_offered)
    begun = [PartStatus(name=slot.name, told=told(slot, run, seen.credentials)) for slot in wanted]
    parts = tuple(_booked(known.get(part.name), part, seen, now) for part in begun)
    return run.status.model_copy(update={"parts": parts})


def anew(status: DualRunStatus) -> DualRunStatus:
    """The status of a run that goes on after a rest: what its parts failed for before is forgiven."""
    return status.model_copy(update={"parts": tuple(PartStatus(name=part.name, start=part.start + 1) for part in status.parts)})


def current(status: DualRunStatus, seen: DualSeen) -> tuple[SeenPart, ...]:
    """The parts of the numbers that stand in the status."""
    found = (seen.at(part.name, part.start) for part in status.parts)
    return tuple(part for part in found if part)


def there(status: DualRunStatus, seen: DualSeen) -> frozenset[str]:
    """The slots in which a part of the number that stands in the status may still work."""
    return frozenset(part.slot for part in current(status, seen) if part.live)


def last_of(slot: str, seen: DualSeen) -> SeenPart | None:
    """The part of a slot that fell last."""
    fallen = (part for part in seen.parts if part.slot == slot and not part.live)
    return max(fallen, key=lambda part: part.start, default=None)


def leaving(status: DualRunStatus, seen: DualSeen) -> Iterator[datetime]:
    """Until when nobody takes the places of the workers that left of their own accord."""
    return (part.until + _TOLD for part in current(status, seen) if _left(part) and part.until)


def _booked(known: PartStatus | None, wanted: PartStatus, seen: DualSeen, now: datetime) -> PartStatus:
    """The number of a slot; `wanted` has its name, and what its next start is told."""
    newest = max((part.start for part in seen.parts if part.slot == wanted.name), default=0)
    if known is None:
        return wanted.model_copy(update={"start": newest + 1})
    next_one = wanted.model_copy(update={"start": max(newest, known.start) + 1})
    part = seen.at(known.name, known.start)
    if part is None or part.live or part.exit_code in NEVER_AGAIN:
        if known.told and known.told != wanted.told:
            return next_one
        return known.model_copy(update={"told": wanted.told})
    if _left(part) and part.until and now < part.until + _TOLD:
        return known
    return next_one.model_copy(update=_judged(part, known, now))


def _judged(part: SeenPart, known: PartStatus, now: datetime) -> dict[str, Any]:
    """What the next start is told of the falls in a row that this is one of, and how long it waits."""
    until = part.until or now
    stood = until - part.since >= _STOOD
    if _left(part):
        return {"failures": known.failures, "start_after": until + _TOLD}
    if part.fenced or part.disrupted or part.exit_code == PREEMPTED:
        interruptions = 1 if stood else known.interruptions + 1
        return {"failures": known.failures, "interruptions": interruptions, "start_after": until + wait(_BACKOFF, interruptions)}
    failures = 1 if stood else known.failures + 1
    return {"failures": failures, "start_after": until + wait(_BACKOFF, failures)}


def _left(part: SeenPart) -> bool:
    """Whether it is a worker that was told that nothing is left to do. If that is so, the coordinator tells us, too."""
    return part.exit_code == 0 and part.role is Role.WORKER
