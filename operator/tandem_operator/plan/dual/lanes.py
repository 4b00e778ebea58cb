"""How a lane stands, in words for people: its state and what becomes of its calls, what its server said, and what to do about it.

The coordinator knows lanes by the addresses of their servers. Which of them are engines of the run's own, that nobody has to start, and
where the key of an account is written, the run knows.

A limit of the minute is everyday, and passes. That a lane is asked more slowly is told once it has been so for a while, and so is its end:
a lane at its limit comes and goes.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus, LaneState, LaneStatus
from tandem_operator.api.lane import LaneSpec
from tandem_operator.plan.values import Event

from .slots import engines_of
from .starts import current
from .values import DualSeen

_A_WHILE: Final = timedelta(seconds=15)  # providers ask for a few seconds each time; of a minute's limit most of it is left by then


def stood(told: LaneStatus, run: DualRun, now: datetime) -> LaneStatus:
    """A lane as the coordinator tells of it, and since when it has been so."""
    before = next((lane for lane in run.status.lanes if lane.name == told.name), None)
    since = before.since if before and before.since and before.state is told.state else now
    problem = told.problem
    if told.state is LaneState.OPEN and engines_of(run, told.name):
        problem = problem.partition("; ")[0]  # what follows is a word to whoever starts its server, and we do
    return told.model_copy(update={"since": since, "slow": _slow(told, before, since, now), "problem": problem})


def moments(status: DualRunStatus) -> Iterator[datetime]:
    """When a lane has been asked more slowly, or as fast as it may be again, for long enough to say so."""
    unsettled = {LaneState.THROTTLED: False, LaneState.READY: True}
    return (lane.since + _A_WHILE for lane in status.lanes if lane.since and unsettled.get(lane.state) is lane.slow)


def news(before: DualRunStatus, run: DualRun, seen: DualSeen) -> Iterator[Event]:
    """A lane that cannot be asked, or is asked more slowly for a while; and one that is asked as ever again."""
    known = {lane.name: lane for lane in before.lanes}
    for lane in run.status.lanes:
        was = known.get(lane.name)
        can, could, slowed = lane.state.can_be_asked, not was or was.state.can_be_asked, was is not None and was.slow
        if can and not could:
            yield Event.normal("LaneBack", f"{lane.name} can be asked again")
        elif could and not can:
            tell = Event.normal if lane.state is LaneState.OPEN and _starting(lane.name, run, seen) else Event.warning
            yield tell(f"Lane{lane.state}", f"{lane.name} {said(lane, run, seen)}")
        elif lane.slow and not slowed:
            yield Event.normal("LaneThrottled", f"{lane.name} {said(lane, run, seen)}")
        elif slowed and lane.state is LaneState.READY and not lane.slow:
            yield Event.normal("LaneBack", f"{lane.name} is asked at full speed again")


def said(lane: LaneStatus, run: DualRun, seen: DualSeen) -> str:
    """What is to be read after the name of a lane that is not asked as ever."""
    words = f": {lane.problem}" if lane.problem else ""
    match lane.state:
        case LaneState.UNAUTHORIZED:
            return f"refuses its API key{words}; {_corrected(lane.name, run)}"
        case LaneState.EXHAUSTED:
            return f"has no credit left{words}; add some to its account: it is tried again every ten minutes"
        case LaneState.THROTTLED:
            return f"allows fewer calls than there are, and is asked more slowly{words}"
        case LaneState.OPEN:
            return f"is not asked for now{_rested(lane, run, seen)}"
        case LaneState.READY:
            return "is asked"


def _rested(lane: LaneStatus, run: DualRun, seen: DualSeen) -> str:
    words = f": {lane.problem}" if lane.problem else ""
    if _starting(lane.name, run, seen):
        return ": its engine is being started"
    if engines_of(run, lane.name):
        return f": its engine does not answer as it should{words}; it is tried again by itself, and its log says more"
    return f", after too many errors{words}; it is tried again by itself"


def _slow(told: LaneStatus, before: LaneStatus | None, since: datetime, now: datetime) -> bool:
    """Whether it counts as slow: only when a state has lasted for a while, the other one does not count any more."""
    was = before is not None and before.slow
    match told.state:
        case LaneState.THROTTLED:
            return was or now - since >= _A_WHILE
        case LaneState.READY:
            return was and now - since < _A_WHILE
        case _:
            return False


def _starting(name: str, run: DualRun, seen: DualSeen) -> bool:
    """Whether it is one of engines, of which none is up yet."""
    ours = engines_of(run, name)
    return bool(ours) and not any(part.slot in ours and part.live and part.ready for part in current(run.status, seen))


def _corrected(name: str, run: DualRun) -> str:
    """Where the key is written that is to be another one."""
    found = next(((index, lane) for index, lane in enumerate(run.spec.lanes) if lane.name == name), None)
    return _key_of(f"spec.lanes[{found[0]}]", found[1]) if found else "correct its key"


def _key_of(field: str, lane: LaneSpec) -> str:
    """Processes are told a variable when they start; a Secret they read anew."""
    secret, variable = lane.api_key_secret, lane.api_key_variable
    kept = f"correct {secret.key} in Secret {secret.name} ({field}.apiKeySecret), and it is tried again" if secret else ""
    told = f"export a valid one as {variable} ({field}.apiKeyVariable), stop the run and run it again" if variable else ""
    if not kept and not told:
        return f"name one by {field}.apiKeyVariable, or on a cluster by {field}.apiKeySecret"
    return "; on a cluster ".join(way for way in (told, kept) if way)
