"""The one log that this replica writes of a namespace: what waits is written together, in stretches that follow each other.

A stretch is begun when the one before it is at a quorum. When it is not known whether one was written, the log ends there for
good, and the replica goes on in a new one: nothing comes after what may be a gap.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra.cluster.asking import Asking, Statement
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.writers.beats import Beats
from tandem_memory.cassandra.writers.claims import Claims
from tandem_memory.settling import settle

# A group is done once it has so much to write, as in the embedded backend; a stretch is what Cassandra takes as one change with ease.
_MOST_OF_A_GROUP = 4096
_MOST_OF_A_STRETCH = 128
_STRETCH_BYTES = 1 << 20
_BESIDE_BYTES = 32 << 10  # with rows of other partitions: Cassandra refuses such a batch from 50 KiB on (batch_size_fail_threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Something to be written.

    Attributes:
        entry: What stands at the position that it gets, given that and the moment.
        statement: Writes that entry.
        beside: What else must be there when it is, in other partitions; about `weight_bytes` together with it.
        name: Claimed for it, when it is not empty.
        instead_of: The place that the name was claimed for, where nothing is that counts.
        passing: Whether the name is forgotten after a time.
        weight_bytes: About how much it writes.
    """

    entry: Callable[[Place, int], Entry]
    statement: Callable[[Entry], Statement]
    beside: Callable[[Entry], Sequence[Statement]] | None = None
    name: str = ""
    instead_of: Place | None = None
    passing: bool = False
    weight_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What became of a draft: the place of what was written, or None when its name was somebody's."""

    place: Place | None


@dataclass(frozen=True, slots=True)
class _Waiting:
    drafts: Sequence[Draft]
    answer: "asyncio.Future[Sequence[Booked]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A draft at its place: `entry` is None where its name was lost, and nothing stands."""

    draft: Draft
    place: Place
    entry: Entry | None


@dataclass(slots=True)
class Pen:
    """Which log is written, and how far that has come."""

    replica: str
    turn: int = 0
    position: int = 0
    begun: bool = False

    @property
    def writer(self) -> str:
        """The log's name."""
        return f"{self.replica}.{self.turn}"

    def give_up(self) -> None:
        """Go on in a new log."""
        self.turn, self.position, self.begun = self.turn + 1, 0, False


class Ledger:
    """Writes.

    Args:
        asking: The cluster.
        log: How entries are written.
        claims: Whose names are whose.
        beats: Says that this replica is there.
        pen: Which log.
        begin: Has this replica know of a log that it begins.
        moment_us: The moment of what is written now: later than all that this replica knows of.
        learn: Makes what has been written visible; called before those who wait are told.
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
        self._asking, self._log, self._claims, self._beats, self._pen = asking, log, claims, beats, pen
        self._begin, self._moment_us, self._learn = begin, moment_us, learn
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def book(self, drafts: Sequence[Draft]) -> Sequence[Booked]:
        """Write them, in their order, and return once they are at a quorum and visible.

        Raises:
            StoreUnavailableError: it is not known which of them were written.
        """
        answer: asyncio.Future[Sequence[Booked]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(drafts, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await answer

    async def finish(self) -> None:
        """Return when nothing waits."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # whoever is ready now may come along
            group = list(self._gathered())
            try:
                booked = await self._write([draft for each in group for draft in each.drafts])
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                self._pen.give_up()
                for each in group:
                    settle(each.answer, error)
            else:
                for each in group:
                    mine, booked = booked[: len(each.drafts)], booked[len(each.drafts) :]
                    settle(each.answer, mine)

    def _gathered(self) -> Iterator[_Waiting]:
        count = 0
        while self._waiting and count < _MOST_OF_A_GROUP:
            count += len(self._waiting[0].drafts)
            yield self._waiting.pop(0)

    async def _write(self, drafts: Sequence[Draft]) -> Sequence[Booked]:
        if not await self._beats.may_go_on(self._pen.writer):
            self._pen.give_up()
            await self._beats.may_go_on(self._pen.writer)
        writer = self._pen.writer
        async with self._beats.kept() as held:
            self._begin(writer)
            self._pen.begun = True
            at_us = self._moment_us(writer)
            lines = await self._placed(drafts, writer, at_us)
            await asyncio.gather(*(self._log.write_pieces(line.entry) for line in lines if line.entry))
            for stretch in _stretches(lines):
                await self._write_stretch(stretch, at_us)
            if not held():
                msg = "the cluster took so long that others may have given this replica up"
                raise StoreUnavailableError(msg)
        self._pen.position += len(lines)
        self._learn(writer, [line.entry or _nothing(line.place, at_us) for line in lines])
        won = {id(line.draft): line.place for line in lines if line.entry}
        return [Booked(place=won.get(id(draft))) for draft in drafts]

    async def _write_stretch(self, stretch: Sequence[_Line], at_us: int) -> None:
        statements = [statement for line in stretch for statement in self._statements(line, at_us)]
        await self._asking.write(statements, together=any(line.draft.beside for line in stretch))

    async def _placed(self, drafts: Sequence[Draft], writer: str, at_us: int) -> Sequence[_Line]:
        """A place for each draft, but for those whose name is that of one before them."""
        names, own = set[str](), list[Draft]()
        for draft in drafts:
            if draft.name not in names:
                own.append(draft)
            if draft.name:
                names.add(draft.name)
        places = [Place(writer, position) for position in range(self._pen.position + 1, self._pen.position + len(own) + 1)]
        holders = await asyncio.gather(*(self._claim(draft, place) for draft, place in zip(own, places, strict=True)))
        return [
            _Line(draft=draft, place=place, entry=draft.entry(place, at_us) if holder == place else None)
            for draft, place, holder in zip(own, places, holders, strict=True)
        ]

    async def _claim(self, draft: Draft, place: Place) -> Place | None:
        return await self._claims.take(draft.name, place, draft.instead_of, passing=draft.passing) if draft.name else place

    def _statements(self, line: _Line, at_us: int) -> Iterator[Statement]:
        if line.entry is None:
            yield self._log.nothing(line.place, at_us)
            return
        yield line.draft.statement(line.entry)
        if line.draft.beside:
            yield from line.draft.beside(line.entry)


def _stretches(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Lines that are written as one: of one partition, and not too much."""
    stretch, weight, most = list[_Line](), 0, _STRETCH_BYTES
    for line in lines:
        weight += line.draft.weight_bytes
        most = _BESIDE_BYTES if line.draft.beside else most
        full = len(stretch) >= _MOST_OF_A_STRETCH or weight > most
        if stretch and (full or stretch[-1].place.bucket != line.place.bucket):
            yield stretch
            stretch, weight = [], line.draft.weight_bytes
            most = _BESIDE_BYTES if line.draft.beside else _STRETCH_BYTES
        stretch.append(line)
    if stretch:
        yield stretch


def _nothing(place: Place, at_us: int) -> Entry:
    return Entry(place=place, kind=Kind.NOTHING, at_us=at_us, body=b"")
