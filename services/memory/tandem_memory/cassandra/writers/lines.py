"""What is handed in to be written, the places that it is given, and how places are written as few changes of a partition."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tandem_memory.cassandra.cluster.asking import Statement
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Place

# A stretch is what Cassandra takes as one change with ease.
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
class Line:
    """A draft at its place; it does not stand there where its name was lost."""

    draft: Draft
    place: Place
    stands: bool

    def entry(self, at_us: int) -> Entry:
        """What is there from a moment on."""
        return self.draft.entry(self.place, at_us) if self.stands else Entry(place=self.place, kind=Kind.NOTHING, at_us=at_us, body=b"")

    def statements(self, log: Log, entry: Entry) -> Iterator[Statement]:
        """Write that."""
        if not self.stands:
            yield log.nothing(self.place, entry.at_us)
            return
        yield self.draft.statement(entry)
        if self.draft.beside:
            yield from self.draft.beside(entry)


@dataclass(frozen=True, slots=True)
class Placed:
    """What somebody handed in, with the places of those drafts that have one of their own, and who holds their names by now."""

    drafts: Sequence[Draft]
    own: Sequence[Draft]
    places: Sequence[Place]
    holders: "asyncio.Future[list[Place | None]]"
    answer: "asyncio.Future[Sequence[Booked]]"

    @property
    def problem(self) -> Exception | None:
        """Why it is not known who holds the names; then none of it is written, and nothing is at its places."""
        error = self.holders.exception()
        return error if isinstance(error, Exception) else None

    def lines(self) -> Iterator[Line]:
        """What is to be written, once that is known."""
        holders = [None] * len(self.own) if self.problem else self.holders.result()
        for draft, place, holder in zip(self.own, self.places, holders, strict=True):
            yield Line(draft, place, holder == place)

    def booked(self) -> Sequence[Booked]:
        """What became of each draft."""
        won = {id(line.draft): line.place for line in self.lines() if line.stands}
        return [Booked(place=won.get(id(draft))) for draft in self.drafts]


def stretches(lines: Sequence[Line], entries: Sequence[Entry]) -> Iterator[list[tuple[Line, Entry]]]:
    """Lines that are written as one, each with what stands there: of one partition, and not too much."""
    stretch, weight, most = list[tuple[Line, Entry]](), 0, _STRETCH_BYTES
    for line, entry in zip(lines, entries, strict=True):
        weight += line.draft.weight_bytes
        most = _BESIDE_BYTES if line.draft.beside else most
        full = len(stretch) >= _MOST_OF_A_STRETCH or weight > most
        if stretch and (full or stretch[-1][0].place.bucket != line.place.bucket):
            yield stretch
            stretch, weight = [], line.draft.weight_bytes
            most = _BESIDE_BYTES if line.draft.beside else _STRETCH_BYTES
        stretch.append((line, entry))
    if stretch:
        yield stretch
