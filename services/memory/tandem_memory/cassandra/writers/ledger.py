"""A log that this replica writes of a namespace: who hands something in claims its names at once, and what has them is written.

Places are given in the order in which things come, and written in that order, as many together as have their names by then. A write is
begun when the one before it is at a quorum. When it is not known whether one was written, the log ends there for good, and the replica
goes on in a new one: nothing comes after what may be a gap.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.backend.settling import settle
from tandem_memory.cassandra.cluster.asking import Asking
from tandem_memory.cassandra.log.entries import Entry
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.writers.beats import Beats
from tandem_memory.cassandra.writers.claims import Claims
from tandem_memory.cassandra.writers.lines import Booked, Draft, Line, Placed, stretches

_MOST_PLACED = 128  # drafts, a stretch: claims of more would only have those of other logs wait


@dataclass(slots=True)
class Pen:
    """Which log is written, how far its places are given, and how far they are written.

    Attributes:
        names: Of logs, each for one that nobody has begun.
        writer: The log's name.
    """

    names: Iterator[str]
    writer: str = field(init=False)
    position: int = field(init=False)
    written: int = field(init=False)
    begun: bool = field(init=False)

    def __post_init__(self) -> None:
        self.give_up()

    def give_up(self) -> None:
        """Go on in a new log."""
        self.writer, self.position, self.written, self.begun = next(self.names), 0, 0, False


@dataclass(frozen=True, slots=True)
class _Waiting:
    drafts: Sequence[Draft]
    answer: "asyncio.Future[Sequence[Booked]]"


class Ledger:
    """Writes.

    Args:
        asking: The cluster.
        log: How entries are written.
        claims: Whose names are whose.
        beats: Says that the writer of this log is there.
        pen: Which log.
        begin: Has this replica know of a log that it begins.
        moment_us: The moment of what is written now in a log: later than all that this replica knows of others.
        learn: Makes what has been written visible; called before those who wait are told.

    Attributes:
        pen: The same.
    """

    def __init__(
        self,
        asking: Asking,
        log: Log,
        claims: Claims,
        beats: Beats,
        *,
        pen: Pen,
        begin: Callable[[str], object],
        moment_us: Callable[[str], int],
        learn: Callable[[str, Sequence[Entry]], None],
    ) -> None:
        self._asking, self._log, self._claims, self._beats, self.pen = asking, log, claims, beats, pen
        self._begin, self._moment_us, self._learn = begin, moment_us, learn
        self._waiting: list[_Waiting] = []
        self._placed: list[Placed] | None = None  # while the pen may go on
        self._writing: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> int:
        """Drafts that are not written yet."""
        return self.pen.position - self.pen.written + sum(len(each.drafts) for each in self._waiting)

    async def book(self, drafts: Sequence[Draft]) -> Sequence[Booked]:
        """Write them, in their order, and return once they are at a quorum and visible.

        Raises:
            StoreUnavailableError: it is not known which of them were written, if any.
        """
        waiting = _Waiting(drafts, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._place_more()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await waiting.answer

    async def finish(self) -> None:
        """Return when nothing waits."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        while self._waiting:
            try:
                await self._go_on()
                async with self._beats.kept() as held:
                    await self._write_placed(held)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                self.pen.give_up()
                for answer in self._lost():
                    settle(answer, error)

    async def _go_on(self) -> None:
        """Take up the pen, in a new log where somebody may have given up the last one."""
        if not await self._beats.may_go_on(self.pen.writer):
            self.pen.give_up()
            await self._beats.may_go_on(self.pen.writer)
        self._begin(self.pen.writer)
        self.pen.begun = True

    async def _write_placed(self, held: Callable[[], bool]) -> None:
        """Write until nobody waits; meanwhile who comes is given a place while few have one."""
        self._placed = []
        self._place_more()
        while self._placed:
            await asyncio.wait([self._placed[0].holders])
            ready = next((at for at, each in enumerate(self._placed) if not each.holders.done()), len(self._placed))
            written = self._placed[:ready]
            lines = await self._write([line for each in written for line in each.lines()])
            if not held():
                msg = "the cluster took so long that others may have given this replica up"
                raise StoreUnavailableError(msg)
            self._learn(self.pen.writer, lines)
            del self._placed[:ready]
            self.pen.written += len(lines)
            self._place_more()
            for each in written:
                settle(each.answer, each.problem or each.booked())
        self._placed = None

    def _lost(self) -> "list[asyncio.Future[Sequence[Booked]]]":
        """Whom the end of a log leaves without an answer: who has a place there, written or not; all who wait, where none was begun."""
        placed, self._placed = self._placed, None
        if placed is None:
            waiting, self._waiting = self._waiting, []
            return [each.answer for each in waiting]
        for each in placed:
            if not each.holders.cancel():
                each.holders.exception()  # it is of no interest any more
        return [each.answer for each in placed]

    def _place_more(self) -> None:
        """Give places to those who wait, while the pen may go on and few have one."""
        while self._placed is not None and self._waiting and self.pen.position - self.pen.written < _MOST_PLACED:
            self._placed.append(self._place(self._waiting.pop(0)))

    def _place(self, waiting: _Waiting) -> Placed:
        """A place for each draft, but for those whose name is that of one before them; all are claimed from now on."""
        names, own = set[str](), list[Draft]()
        for draft in waiting.drafts:
            if draft.name not in names:
                own.append(draft)
            if draft.name:
                names.add(draft.name)
        first = self.pen.position + 1
        self.pen.position += len(own)
        places = [Place(self.pen.writer, position) for position in range(first, self.pen.position + 1)]
        holders = asyncio.gather(*(self._claim(draft, place) for draft, place in zip(own, places, strict=True)))
        return Placed(waiting.drafts, own, places, holders, waiting.answer)

    async def _claim(self, draft: Draft, place: Place) -> Place | None:
        return await self._claims.take(draft.name, place, draft.instead_of, passing=draft.passing) if draft.name else place

    async def _write(self, lines: Sequence[Line]) -> Sequence[Entry]:
        """What stands at the places of `lines` now."""
        at_us = self._moment_us(self.pen.writer)
        entries = [line.entry(at_us) for line in lines]
        await self._log.write_pieces(entries)
        for stretch in stretches(lines, entries):
            statements = [statement for line, entry in stretch for statement in line.statements(self._log, entry)]
            await self._asking.write(statements, together=any(line.draft.beside for line, _ in stretch))
        return entries
