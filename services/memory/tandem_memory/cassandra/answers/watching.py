"""How changes are told as they come: what this replica writes at once, what others write when their logs are read again.

Nothing is kept for a reader but its place in each log.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from tandem.memory.v1.memory_pb2 import Change, Filter

from tandem_memory.backend import News
from tandem_memory.backend.bell import Bell
from tandem_memory.cassandra.log import places
from tandem_memory.cassandra.log.entries import Entry
from tandem_memory.cassandra.shelf.reading import walk
from tandem_memory.cassandra.shelf.shelf import Manners, Shelf
from tandem_memory.rules.wanted import wants

_MOST_BYTES = 1 << 20  # of one message, but for a single large change: gRPC's usual limit is 4 MiB


@dataclass(slots=True, kw_only=True)
class Spot:
    """Where a reader is.

    Attributes:
        after: Up to where it was told of each log.
        since_us: When it began with nothing, all before this moment was forgotten: records were told with the sum of that.
    """

    after: dict[str, int]
    since_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a watcher wants.

    Attributes:
        wanted: Which appended records; all other changes are told.
        vectors: Whether records come with their vectors.
        place_first: Whether its place is told at once: it could not find its way back there without.
    """

    wanted: Filter
    vectors: bool
    place_first: bool = False


async def follow(
    bell: Bell,
    shelf: Callable[[], Awaitable[Shelf | None]],
    begin: Callable[[Shelf], Spot],
    told: Told,
    manners: Manners,
) -> AsyncIterator[News]:
    """Every change that is wanted, for ever.

    Args:
        bell: Rings when this replica has written.
        shelf: The namespace, once it is there.
        begin: Where the watcher begins, asked when the logs have been read.
        told: What is told.
        manners: How often others are looked after, and the watcher told its place.

    Raises:
        CursorTooOldError: when it would go on over what is forgotten by now.
    """
    clock = asyncio.get_running_loop().time
    told_s, cursor, place_first = clock(), "", told.place_first
    spot: Spot | None = None
    while True:
        ring, more, changes = bell.next(), False, list[Change]()
        if (found := await shelf()) is None:
            begin = beginning  # whoever saw that there was nothing is told of all that comes, also by others
        else:
            await found.refresh(manners.poll if spot is not None else 0)
            spot = begin(found) if spot is None else spot
            changes, more = await _look(found, spot, told)
            cursor = places.cursor(found.space.identity, spot.after, found.tails.closed, spot.since_us)
        if changes or place_first or clock() - told_s >= manners.quiet:
            yield News(changes=changes, cursor=cursor)
            told_s, place_first = clock(), False
        if not more:
            await ring.or_late(min(told_s + manners.quiet - clock(), manners.poll))


def beginning(shelf: Shelf) -> Spot:
    """Before all that is told: what is forgotten by now is in the sums of what is there."""
    return Spot(after={}, since_us=shelf.forgotten_us)


async def _look(shelf: Shelf, spot: Spot, told: Told) -> tuple[list[Change], bool]:
    """Changes behind `spot`, which goes on over them; and whether there are more."""
    if spot.after == shelf.tails.heads:
        return [], False
    async for entries in walk(shelf, spot.after, exact=told.vectors):
        return _changes(entries, spot, told), True
    return [], False


def _changes(entries: Sequence[Entry], spot: Spot, told: Told) -> "list[Change]":
    everything, changes, weight = not told.wanted.ByteSize(), list[Change](), 0
    for entry in entries:
        change = entry.told(spot.since_us)
        spot.after[entry.place.writer] = entry.place.position
        if change is None or not (everything or not change.HasField("appended") or wants(told.wanted, change.appended)):
            continue
        changes.append(change)
        weight += len(entry.body) + len(entry.exact)
        if weight >= _MOST_BYTES:
            break
    return changes
