"""How changes are told as they come: each reader reads the log from where it is, and sleeps at its end until it is woken.

Nothing is kept for a reader but its position, so one that is slow or gone costs nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from tandem.memory.v1.memory_pb2 import Change, Filter

from tandem_memory.backend import DamagedError, News, OnDamage
from tandem_memory.backend.bell import Bell
from tandem_memory.embedded.cursors import cursor
from tandem_memory.rules.wanted import wants
from tandem_memory.store import Namespace, Spot
from tandem_memory.store.reading import Stretch


async def follow(
    bell: Bell,
    look: Callable[[Spot], Awaitable[tuple[Namespace, Stretch] | None]],
    after: Spot,
    wanted: Filter,
    quiet_s: float,
    *,
    place_first: bool = False,
    damaged: OnDamage | None = None,
) -> AsyncIterator[News]:
    """Every change behind `after` that is wanted, for ever.

    Args:
        bell: Rings when there may be more.
        look: What comes behind a spot; None while there is no such namespace.
        after: Where to begin.
        wanted: Which appended records; all other changes are told.
        quiet_s: When nothing was told for so long, where the reader is is told.
        damaged: Hears of what is passed over because it is not as it was written; without it that ends the reading.
        place_first: Whether that is told at once, to a reader that could not find its way back there without; it is "" before there is
            anything.
    """
    clock = asyncio.get_running_loop().time
    told_s, known = clock(), ""
    while True:
        ring = bell.next()
        seen = await look(after)
        changes: Sequence[Change] = ()
        more = skipped = False
        if seen is not None:
            namespace, stretch = seen
            _tell(stretch.damages, damaged)
            changes, more, after = _wanted(stretch.changes, wanted), stretch.more, stretch.until
            known, skipped = cursor(namespace, after), bool(stretch.damages)
        if changes or skipped or place_first or clock() - told_s >= quiet_s:
            yield News(changes=changes, cursor=known)
            told_s, place_first = clock(), False
        if not more:
            await ring.or_late(told_s + quiet_s - clock())


def _tell(damages: Sequence[DamagedError], damaged: OnDamage | None) -> None:
    for damage in damages:
        if damaged is None:
            raise damage
        damaged(damage)


def _wanted(changes: Sequence[Change], wanted: Filter) -> Sequence[Change]:
    if not wanted.ByteSize():
        return changes
    return [change for change in changes if not change.HasField("appended") or wants(wanted, change.appended)]
