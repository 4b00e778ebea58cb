"""How changes are told as they come: what this replica writes at once, what others write when their logs are read again.

Nothing is kept for a reader but its place in each log.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tandem.memory.v1.memory_pb2 import Change, Filter

from tandem_memory.backend import News
from tandem_memory.bell import Bell, rung_or_late
from tandem_memory.cassandra.log import places
from tandem_memory.cassandra.log.entries import Entry
from tandem_memory.cassandra.shelf.reading import walk
from tandem_memory.cassandra.shelf.shelf import Manners, Shelf
from tandem_memory.wanted import wants

_MOST_BYTES = 1 << 20  # of one message, but for a single large change: gRPC's usual limit is 4 MiB


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
    begin: Callable[[Shelf], Mapping[str, int]],
    told: Told,
    manners: Manners,
) -> AsyncIterator[News]:
    """Every change that is wanted, for ever.

    Args:
        bell: Rings when this replica has written.
        shelf: The namespace, once it is there.
        begin: Where the watcher begins in each log, asked when the logs have been read.
        told: What is told.
        manners: How often others are looked after, and the watcher told its place.
    """
    clock = asyncio.get_running_loop().time
    told_s, cursor, place_first = clock(), "", told.place_first
    after: dict[str, int] | None = None
    while True:
        rung, more, changes = bell.next(), False, list[Change]()
        if (found := await shelf()) is not None:
            await found.refresh(manners.poll if after is not None else 0)
            after = dict(begin(found)) if after is None else after
            changes, more = await _look(found, after, told)
            cursor = places.cursor(found.space.identity, after, found.tails.closed)
        if changes or (place_first and cursor) or clock() - told_s >= manners.quiet:
            yield News(changes=changes, cursor=cursor)
            told_s, place_first = clock(), place_first and not cursor
        if not more:
            await rung_or_late(rung, min(told_s + manners.quiet - clock(), manners.poll))


async def _look(shelf: Shelf, after: dict[str, int], told: Told) -> tuple[list[Change], bool]:
    """Changes behind `after`, which goes on over them; and whether there are more."""
    if after == shelf.tails.heads:
        return [], False
    async for entries in walk(shelf, after, exact=told.vectors):
        return list(_changes(entries, after, told)), True
    return [], False


def _changes(entries: Sequence[Entry], after: dict[str, int], told: Told) -> "list[Change]":
    everything, changes, weight = not told.wanted.ByteSize(), list[Change](), 0
    for entry in entries:
        after[entry.place.writer] = entry.place.position
        change = entry.change
        if change is None or not (everything or not change.HasField("appended") or wants(told.wanted, change.appended)):
            continue
        changes.append(change)
        weight += len(entry.body) + len(entry.exact)
        if weight >= _MOST_BYTES:
            break
    return changes
