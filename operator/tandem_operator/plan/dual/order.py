"""Who is started, and who is asked to leave, and in which order.

Started: memory and engines at once, then the coordinator, then workers; each once those before it answer, but for engines that are not
waited for (`patience.py`). Stopped: the other way round, each once those after it are gone, so that workers give back their questions
while the coordinator still listens, and the coordinator writes down what it has learned while the memory is there.
"""

from datetime import datetime
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import PartStatus

from . import patience
from .phases import UNDER_WAY
from .slots import slots
from .starts import current
from .values import DualSeen, Part, Role, SeenPart, Slot

_TURN: Final = {Role.MEMORY: 0, Role.ENGINE: 0, Role.COORDINATOR: 1, Role.WORKER: 2}


def missing(run: DualRun, seen: DualSeen, now: datetime, written: tuple[PartStatus, ...]) -> tuple[Part, ...]:
    """The parts to start: those of the first role that is not all up, whose wait is over and whose number is `written` already."""
    if run.status.phase not in UNDER_WAY or not seen.accepted:
        return ()
    known = {part.name: part for part in run.status.parts}
    found: list[Part] = []
    for slot in slots(run, memory_offered=seen.memory_offered):
        part = known[slot.name]
        if not _before_it_all_answer(slot, run, seen, now):
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


def up(run: DualRun, seen: DualSeen, now: datetime) -> bool:
    """Whether questions are worked on: a worker runs, and all that it needs answers. Who has no number yet was told to nobody."""
    known = {part.name: part for part in run.status.parts}
    workers = [slot for slot in slots(run, memory_offered=seen.memory_offered) if slot.role is Role.WORKER and slot.name in known]
    return any(_answers(known[slot.name], seen) and _before_it_all_answer(slot, run, seen, now) for slot in workers)


def _before_it_all_answer(slot: Slot, run: DualRun, seen: DualSeen, now: datetime) -> bool:
    """Whether all that it needs answers, but for what it does not wait for."""
    known = {part.name: part for part in run.status.parts}
    others = [other for other in slots(run, memory_offered=seen.memory_offered) if _TURN[other.role] < _TURN[slot.role]]
    silent = [other for other in others if other.name in known and not _answers(known[other.name], seen)]
    return not any(other.role is not Role.ENGINE or patience.waited_for(known[other.name], slot.role, run, seen, now) for other in silent)


def _taken(part: PartStatus, seen: DualSeen) -> bool:
    """Whether it was started, or another of its slot has not left yet: two coordinators would want the same books."""
    return any(found.slot == part.name and (found.live or found.start == part.start) for found in seen.parts)


def _answers(known: PartStatus, seen: DualSeen) -> bool:
    part = seen.at(known.name, known.start)
    return part is not None and part.live and part.ready


def _last(live: tuple[SeenPart, ...]) -> list[SeenPart]:
    """Of those that live, the ones that are stopped first."""
    for role in reversed(Role):
        if found := [part for part in live if part.role is role]:
            return found
    return []
