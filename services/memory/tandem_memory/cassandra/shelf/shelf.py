"""All that this replica holds of one namespace: its logs as far as they have been read, the names in it, and the logs it writes."""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.cassandra.cluster.spaces import Space
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Place, replica_of
from tandem_memory.cassandra.shelf.closing import Closing
from tandem_memory.cassandra.shelf.following import Following
from tandem_memory.cassandra.shelf.tails import Room, Tails, UnsettledError
from tandem_memory.cassandra.writers.beats import Beats, Heard
from tandem_memory.cassandra.writers.claims import Awaiting, Claims, Novelty
from tandem_memory.cassandra.writers.ledger import Ledger, Pen
from tandem_memory.cassandra.writers.ledgers import Ledgers
from tandem_memory.rules.clock import microseconds
from tandem_memory.rules.remembering import KEPT

_EMPTIED_AT_ONCE = 64
_LONGER = 1.1  # than asked for: clocks differ, and who begins anew reads for a while what was known then
_LONGEST_TTL_S = 5 * 365 * 86_400  # Cassandra refuses to forget anything after 2038 (CASSANDRA-14092)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a replica behaves; seconds, where nothing else is said.

    Attributes:
        quiet: A watcher hears of its place so often when nothing comes.
        poll: How often the logs of other replicas are read for watchers.
        lease: How long a replica may acknowledge what it writes after it said that it is there.
        late: How often the logs of writers that are not heard of any more are read: what nobody was told of may come late.
        settle: How long after a write it is seen to that all nodes have it.
        settle_for_others: After how long that is done for a replica that does not do it itself.
        gone: After how long a writer that said nothing of leaving is taken to have left.
        retry: How long to wait when it could not be done.
        kept: For how long it is known what was removed or judged, and under which keys.
        most_young_bytes: Memory for records that some node may lack. While one is away they pile up, and when it is full
            nothing is appended: 60,000 records of 384 dimensions by then.
    """

    quiet: float = 15.0
    poll: float = 0.25
    lease: float = 15.0
    late: float = 60.0
    settle: float = 0.5
    settle_for_others: float = 60.0
    gone: float = 300.0
    retry: float = 5.0
    kept: float = KEPT.total_seconds()
    most_young_bytes: int = 512 << 20

    @property
    def ttl_s(self) -> int:
        """After how many seconds Cassandra may forget what need not be kept; 0 is never."""
        longer_s = math.ceil(_LONGER * self.kept)
        return longer_s if longer_s < _LONGEST_TTL_S else 0


class Shelf:
    """One namespace."""

    def __init__(
        self,
        asking: Asking,
        space: Space,
        replica: str,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        manners: Manners,
        room: Room,
        ring: Callable[[], None],
    ) -> None:
        self.space = space
        self.log = Log(asking, space, manners.ttl_s)
        self.claims, self.novelty = Claims(asking, space.identity, manners.ttl_s), Novelty()
        self.tails = Tails(space.dimension, room)
        self._asking, self._now, self._clock, self._manners, self._room, self._ring = asking, now, clock, manners, room, ring
        self._heard = Heard(asking, space.identity, manners.lease, replica, clock)
        self._closing = Closing(asking, space.identity, log=self.log, tails=self.tails, heard=self._heard, gone_s=manners.gone)
        self._replica, self._ready = replica, False
        self.ledgers = Ledgers(replica, self._ledger)
        self._following = Following(
            asking=asking,
            identity=space.identity,
            log=self.log,
            tails=self.tails,
            heard=self._heard,
            closing=self._closing,
            own=self.ledgers.writes,
            late_s=manners.late,
            clock=clock,
            learned=self._settle_soon,
            read=self._close_soon,
        )
        self.awaiting = Awaiting(
            self.claims,
            read=self.entry,
            given_up=self._given_up,
            empty=self._empty,
            patience_s=3 * manners.lease,
        )
        self._settling: asyncio.Task[None] | None = None
        self._being_closed: asyncio.Task[None] | None = None
        self._settled_s: dict[str, float] = {}

    @property
    def forgotten_us(self) -> int:
        """Before this moment it is not known any more what was removed or judged; 0 while all is known."""
        moment = self._now() - timedelta(seconds=self._manners.kept)
        return microseconds(moment) if moment > datetime.fromisoformat(self.space.created_at) else 0

    async def ready(self) -> None:
        """Return when the logs have been read for the first time."""
        if not self._ready:
            await self.refresh()
            self._ready = True

    async def refresh(self, older_than_s: float = 0.0) -> None:
        """Read on in all logs, so that all that was acknowledged before this call is known; unless that was done a moment ago."""
        await self._following.refresh(older_than_s)

    def check_room(self) -> None:
        """Refuse what would be young while too much is.

        Raises:
            UnsettledError: as long as a node is away, and nothing of what is young can be seen to be there.
        """
        if self._room.full:
            self._settle_soon()
            raise UnsettledError(self._room.held_bytes, self._asking.away())

    async def entry(self, place: Place) -> Entry | None:
        """What is at a place; what is behind the end of a closed log counts as nothing."""
        found = (await self.log.at([place])).get(place)
        if not self.tails.holds(place):
            await self.refresh()
        return Entry(place=place, kind=Kind.NOTHING, at_us=0, body=b"") if self.tails.beyond(place) else found

    async def close(self) -> None:
        """Finish what was begun, and say that nothing will follow."""
        await self.ledgers.finish()
        for task in filter(None, (self._settling, self._being_closed)):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        with suppress(StoreUnavailableError):  # then they are followed for longer than needed
            for writer in self.ledgers.begun:
                cql = "UPDATE writers USING TIMESTAMP 2 SET ended = true WHERE identity = ? AND writer = ?"
                await self._asking.rows(cql, self.space.identity, writer)

    def _ledger(self, pen: Pen) -> Ledger:
        return Ledger(
            *(self._asking, self.log, self.claims),
            Beats(self._asking, self.space.identity, self._manners.lease, self._clock),
            pen=pen,
            begin=self._begin,
            moment_us=self._moment_us,
            learn=self._learn,
        )

    def _begin(self, writer: str) -> None:
        self.tails.begin(writer, 0, 0)

    def _moment_us(self, writer: str) -> int:
        return self.tails.moment_us(writer, microseconds(self._now()))

    def _learn(self, writer: str, entries: Sequence[Entry]) -> None:
        self.tails.learn(writer, entries)
        self._ring()
        self._settle_soon()

    async def _given_up(self, place: Place) -> bool:
        """Whether nobody will write at a place any more, but for what is on its way already."""
        if place.replica == self._replica:
            return not self.ledgers.writes(place.writer)
        tail = self.tails.of.get(place.writer)
        return (tail is not None and tail.ended) or await self._heard.given_up(place.writer)

    async def _empty(self, place: Place) -> None:
        """See to it that nothing is at a place for ever, nor at those before it where nothing is yet."""
        self._following.look_again(place.writer)
        await self.refresh()
        tail = self.tails.begin(place.writer, 0, 0)
        missing = [Place(place.writer, position) for position in range(tail.position + 1, place.position + 1)]
        for part in _by_bucket(missing):
            await self._asking.write([statement for each in part for statement in self.log.emptied(each, self.tails.latest_us)])
        tail.ended = False  # there is more to read
        self._following.look_again(place.writer)
        await self.refresh()

    def _settle_soon(self) -> None:
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        """See to it that all nodes have what is young, for as long as something is."""
        pause_s = self._manners.settle
        while any(tail.settled < tail.position for tail in self.tails.of.values()):
            await asyncio.sleep(pause_s)
            pause_s = self._manners.settle
            try:
                for writer in self._to_settle():  # nobody waits for it, and while a node is away each takes a place for long
                    await self._settle_log(writer)
            except StoreUnavailableError:
                pause_s = self._manners.retry
        self._close_soon()

    def _close_soon(self) -> None:
        due = [writer for writer in self.tails.of if self._closing.due(writer) and not self.ledgers.writes(writer)]
        if due and (self._being_closed is None or self._being_closed.done()):
            self._being_closed = asyncio.create_task(self._close(due))

    async def _close(self, writers: Sequence[str]) -> None:
        with suppress(StoreUnavailableError):  # whoever reads on next tries again
            await self._closing.close(writers)

    def _to_settle(self) -> list[str]:
        """Logs of this replica, and those that somebody else leaves lying."""
        now_s, wanted = self._clock(), list[str]()
        for writer, tail in self.tails.of.items():
            if tail.settled >= tail.position:
                self._settled_s.pop(writer, None)
            elif (
                tail.ended
                or replica_of(writer) == self._replica
                or now_s - self._settled_s.setdefault(writer, now_s) > self._manners.settle_for_others
            ):
                wanted.append(writer)
        return wanted

    async def _settle_log(self, writer: str) -> None:
        tail, until = self.tails.of[writer], self.tails.of[writer].position
        latest_us = self.tails.latest_us  # not earlier than what is settled
        while tail.settled < until:
            settled = await self.log.settle(writer, tail.settled, until)
            cql = "UPDATE writers USING TIMESTAMP ? SET settled = ?, settled_at = ? WHERE identity = ? AND writer = ?"
            await self._asking.rows(cql, settled, settled, latest_us, self.space.identity, writer)
            self.tails.settle(writer, settled, 0)


def _by_bucket(places: Sequence[Place]) -> Iterable[list[Place]]:
    part = list[Place]()
    for place in places:
        if part and (len(part) == _EMPTIED_AT_ONCE or part[-1].bucket != place.bucket):
            yield part
            part = []
        part.append(place)
    if part:
        yield part
