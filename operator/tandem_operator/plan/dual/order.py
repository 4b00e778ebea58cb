"""Who is started, and who is asked to leave, and in which order.

Started: memory and engines at once, then the coordinator, then workers; each once those before it answer. In a run that has begun to
answer nobody waits for an engine: while it comes back, perhaps on another machine, the other lane carries on. Stopped: the other way
round, each once those after it are gone, so that workers give back their questions while the coordinator still listens, and the
coordinator writes down what it has learned while the memory is there.
"""

from datetime import datetime
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import PartStatus
from tandem_operator.api.status import RunPhase

from .phases import UNDER_WAY
from .slots import slots
from .starts import current
from .values import DualSeen, Part, Role, SeenPart, Slot

_TURN: Final = {Role.MEMORY: 0, Role.ENGINE: 0, Role.COORDINATOR: 1, Role.WORKER: 2}
_GIVEN_UP: Final = 2  # falls in a row after which an engine is waited for no longer: the other lane carries on


def missing(run: DualRun, seen: DualSeen, now: datetime, written: tuple[PartStatus, ...]) -> tuple[Part, ...]:
    """The parts to start: those of the first role that is not all up, whose wait is over and whose number is `written` already."""
    if run.status.phase not in UNDER_WAY or not seen.accepted:
        return ()
    known = {part.name: part for part in run.status.parts}
    found: list[Part] = []
    for slot in slots(run, memory_offered=seen.memory_offered):
        part = known[slot.name]
        if not _before_it_all_answer(slot, run, seen):
            break
        due = part.start_after is None or now >= part.start_after
        if due and part in written and not _taken(part, seen):
            found.append(Part(run=run.name, slot=slot, start=part.start))
    return tuple(found)


def unwanted(run: DualRun, seen: DualSeen) -> tuple[str, ...]:
    """The parts to ask to leave, of those that have not been asked yet."""
    live = seen.live()
    if run.status.phase in UNDER_WAY:
        kept = {part.name for part in current(run.status, seen)}
        leaving = [part for part in live if part.name not in kept]
    else:
        leaving = _last(live)
    return tuple(part.name for part in leaving if not part.stopping)


def up(run: DualRun, seen: DualSeen) -> bool:
    """Whether questions are worked on: a worker runs, and all that it needs answers. Who has no number yet was told to nobody."""
    known = {part.name for part in run.status.parts}
    booked = [slot for slot in slots(run, memory_offered=seen.memory_offered) if slot.name in known]
    works = any(slot.role is Role.WORKER and _answers(slot, run, seen) for slot in booked)
    return works and all(_answers(slot, run, seen) for slot in booked if slot.role is not Role.WORKER)


def _before_it_all_answer(slot: Slot, run: DualRun, seen: DualSeen) -> bool:
    before = [other for other in slots(run, memory_offered=seen.memory_offered) if _TURN[other.role] < _TURN[slot.role]]
    return all(_answers(other, run, seen) for other in before)


def _taken(part: PartStatus, seen: DualSeen) -> bool:
    """Whether it was started, or another of its slot has not left yet: two coordinators would want the same books."""
    return any(found.slot == part.name and (found.live or found.start == part.start) for found in seen.parts)


def _answers(slot: Slot, run: DualRun, seen: DualSeen) -> bool:
    known = next((part for part in run.status.parts if part.name == slot.name), None)
    if known is None:
        return False
    part = seen.at(slot.name, known.start)
    if part is not None and part.live and part.ready:
        return True
    return slot.role is Role.ENGINE and (run.status.phase is RunPhase.RUNNING or known.failures >= _GIVEN_UP)


def _last(live: tuple[SeenPart, ...]) -> list[SeenPart]:
    """Of those that live, the ones that are stopped first."""
    for role in reversed(Role):
        if found := [part for part in live if part.role is role]:
            return found
    return []
