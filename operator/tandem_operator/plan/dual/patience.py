"""Is an engine waited for that does not answer? Who begins before it asks nobody, or only the other lane, and may pay for what it is asked.

A run that begins waits for its engines, as long as they do not fall again and again. In one that has begun to answer, nobody waits for as
long as anybody works: while an engine comes back, perhaps on another machine, the other lane carries on. Two cases are left:

- Neither a coordinator nor a worker lives, as after a machine was switched off, or all was killed. Then engines are started in the same
  breath as all the rest, and the coordinator waits for them as at the first start. But not for long: an engine that was lost for good must
  not stop the lane that needs none.
- A coordinator lives, but every lane is one of engines, and none of those answers. Workers wait for as long: they could ask nobody.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import PartStatus
from tandem_operator.api.status import RunPhase

from .starts import current
from .values import DualSeen, Role

_GIVEN_UP: Final = 2  # falls in a row after which an engine is waited for no longer
_USUAL: Final = timedelta(minutes=2)  # a model of 8 billion numbers is read from a disk in less, and a small one in seconds


def waited_for(engine: PartStatus, by: Role, run: DualRun, seen: DualSeen, now: datetime) -> bool:
    """Whether a part of the role `by` is to be started no sooner than `engine` answers, which it does not yet."""
    if run.status.phase is not RunPhase.RUNNING:
        return engine.failures < _GIVEN_UP
    wanted = _nobody_works(run, seen) if by is Role.COORDINATOR else _nobody_answers(run, seen)
    return wanted and not _fell_by_itself(engine, run) and _on_its_way(engine, seen, now)


def moments(run: DualRun, seen: DualSeen) -> Iterator[datetime]:
    """When the engines that are on their way are waited for no longer."""
    return (part.since + _USUAL for part in current(run.status, seen) if part.role is Role.ENGINE and part.live and not part.ready)


def _nobody_works(run: DualRun, seen: DualSeen) -> bool:
    return not any(part.role in {Role.COORDINATOR, Role.WORKER} for part in current(run.status, seen) if part.live)


def _nobody_answers(run: DualRun, seen: DualSeen) -> bool:
    """Whether there is no lane that workers could ask."""
    up = any(part.role is Role.ENGINE and part.live and part.ready for part in current(run.status, seen))
    return not up and all(lane.engine for lane in run.spec.lanes)


def _fell_by_itself(engine: PartStatus, run: DualRun) -> bool:
    """Whether it fell again and again, and the coordinator did not fall with it each time: who kills all of a run kills both."""
    both = next((part.failures + part.interruptions for part in run.status.parts if part.name == f"{Role.COORDINATOR}-0"), 0)
    return engine.failures + engine.interruptions >= both + _GIVEN_UP


def _on_its_way(engine: PartStatus, seen: DualSeen, now: datetime) -> bool:
    """Whether it is up soon, as far as anybody knows: one that could not even be started may never be."""
    part = seen.at(engine.name, engine.start)
    if part is None:
        return seen.refused is None
    return part.live and now < part.since + _USUAL
