"""How far each log has come, as this replica has seen it; and what of it may not be on every node yet.

Cassandra answers a search by nearness from one node of each part of the ring (LOCAL_ONE is all that it offers), and a write that
a quorum has may be missing there. So every replica holds what is not *settled* in its own memory, and searches that exactly beside what
Cassandra finds: read-your-write holds on every replica of the service. What has been read from all nodes is settled.

While a node is away nothing settles, and every replica holds the same, since it must find it. So there is a bound to it, `Room`, from
which on nothing is appended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter, Record

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.places import Closed, Place
from tandem_memory.index import Index

_REBUILT = 4096  # rows that are not needed any more before memory is given back
_UNASKED = ("question", "answer", "strategy", "cost_usd", "model", "key", "vector")  # what no filter asks about a record
_ROW_BYTES = 2304  # of a young record beside its fields and its vector, measured: its place, its message, its row in the index
_INDEXED_AT_ONCE = 256  # young records: one by one takes ten times as long, and many are settled before anybody searches
_COPIES = 4  # of a vector, measured: as it was handed in, and in an index that makes room before it needs it


@dataclass(slots=True, kw_only=True)
class Tail:
    """The end of a log.

    Attributes:
        position: Up to where it has been read.
        settled: Up to where all nodes have it.
        ended: Whether nothing will follow.
        closed: Whether that is so for everybody, and for ever.
    """

    position: int = 0
    settled: int = 0
    ended: bool = False
    closed: bool = False


@dataclass(slots=True, kw_only=True)
class Room:
    """Memory for young records, over all namespaces of a replica.

    Attributes:
        most_bytes: How much of it there is.
        held_bytes: How much is taken.
    """

    most_bytes: int
    held_bytes: int = 0

    @property
    def full(self) -> bool:
        """Whether nothing more should be written before something has settled."""
        return self.held_bytes >= self.most_bytes


class UnsettledError(StoreUnavailableError):
    """So much is young that nothing was taken in; all that is there is found meanwhile."""

    def __init__(self, held_bytes: int, away: Sequence[str]) -> None:
        who = f"node{'s' * (len(away) > 1)} {', '.join(away)}" if away else "one of the nodes"
        held = f"{held_bytes >> 20} MiB of what may be missing there are held in memory"
        super().__init__(f"{who} cannot be asked, and {held}: nothing is added until that has changed")


class _Young(NamedTuple):
    """A young record: its number in the index, what filters ask about it, its vector, and what it weighs in memory."""

    number: int
    asked: Record
    exact: bytes
    weight_bytes: int


class Tails:
    """The logs of one namespace, and the young records in them."""

    def __init__(self, dimension: int, room: Room) -> None:
        self.of: dict[str, Tail] = {}
        self.closed: list[Closed] = []
        self.latest_us, self._latest_of = 0, ""
        self._room = room
        self._young = Index(dimension)
        self._places: list[Place] = []
        self._indexed = 0  # of them
        self._records: dict[Place, _Young] = {}

    @property
    def young(self) -> int:
        """How many records may not be on every node yet."""
        return len(self._records)

    @property
    def heads(self) -> dict[str, int]:
        """How far each writer's log has come."""
        return {writer: tail.position for writer, tail in self.of.items()}

    @property
    def changes(self) -> int:
        """How many positions there are in all."""
        return sum(tail.position for tail in self.of.values())

    def holds(self, place: Place) -> bool:
        """Whether a place has been given to something."""
        tail = self.of.get(place.writer)
        return tail is not None and place.position <= tail.position

    def beyond(self, place: Place) -> bool:
        """Whether a place is behind the end of a closed log, where nothing counts."""
        tail = self.of.get(place.writer)
        return tail is not None and tail.closed and place.position > tail.position

    def begin(self, writer: str, settled: int, settled_us: int) -> Tail:
        """The end of a log, which is new to this replica if it was not known."""
        if writer not in self.of:
            self.of[writer] = Tail(position=settled, settled=settled)
            self._note(writer, settled_us)
        return self.of[writer]

    def learn(self, writer: str, entries: Sequence[Entry]) -> None:
        """Take in what follows in a log."""
        if not entries:
            return
        self.of[writer].position = entries[-1].place.position
        self._note(writer, max(entry.at_us for entry in entries))
        fresh = [entry for entry in entries if entry.kind == Kind.RECORD]
        if fresh:
            self._add([(entry.place, _asked(entry), entry.exact) for entry in fresh])
        for entry in entries:
            if entry.kind == Kind.CHANGE and (change := entry.change) is not None and change.HasField("pruned"):
                self._forget(map(Place.parsed, change.pruned.ids))

    def settle(self, writer: str, settled: int, settled_us: int) -> None:
        """All nodes have a log up to here."""
        tail = self.of[writer]
        if settled <= tail.settled:
            return
        self._forget(Place(writer, position) for position in range(tail.settled + 1, min(settled, tail.position) + 1))
        tail.settled, tail.position = settled, max(tail.position, settled)
        self._note(writer, settled_us)

    def close(self, log: Closed) -> None:
        """Nothing follows in a log, and all nodes have it."""
        tail = self.begin(log.writer, log.position, log.ended_us)
        self.settle(log.writer, log.position, log.ended_us)
        self._forget(Place(log.writer, position) for position in range(log.position + 1, tail.position + 1))
        tail.position, tail.ended, tail.closed = log.position, True, True
        self.closed.append(log)

    def moment_us(self, writer: str, now_us: int) -> int:
        """The moment of what follows in a log: now, but not before what it has, and later than what is known of any other."""
        return max(now_us, self.latest_us + (self._latest_of != writer))

    def near(self, queries: npt.NDArray[np.float32], k: int, wanted: Filter) -> list[list[Place]]:
        """For each query the k nearest of the young records that match, whatever became of their use."""
        if not self._records:
            return [[] for _ in queries]
        self._index()
        lasting = Filter()
        lasting.CopyFrom(wanted)
        lasting.ClearField("min_utility")
        return [[self._places[number - 1] for number, _ in found] for found in self._young.search(queries, k, lasting)]

    def _note(self, writer: str, at_us: int) -> None:
        """A log has something of that moment."""
        if at_us > self.latest_us:
            self.latest_us, self._latest_of = at_us, writer
        elif at_us == self.latest_us and writer != self._latest_of:
            self._latest_of = ""  # several have

    def _add(self, records: Sequence[tuple[Place, Record, bytes]]) -> None:
        for number, (place, asked, exact) in enumerate(records, len(self._places) + 1):
            young = _Young(number, asked, exact, asked.ByteSize() + _COPIES * len(exact) + _ROW_BYTES)
            self._places.append(place)
            self._records[place] = young
            self._room.held_bytes += young.weight_bytes
        if len(self._places) - self._indexed >= _INDEXED_AT_ONCE:
            self._index()

    def _index(self) -> None:
        """Have the index know all that are young."""
        fresh = [young for place in self._places[self._indexed :] if (young := self._records.get(place))]
        self._indexed = len(self._places)
        if fresh:
            vectors = np.frombuffer(b"".join(young.exact for young in fresh), "<f4").reshape(len(fresh), self._young.dimension)
            self._young.add(np.array([young.number for young in fresh], np.uint64), vectors, [young.asked for young in fresh])

    def _forget(self, places: Iterable[Place]) -> None:
        gone = [young for place in places if (young := self._records.pop(place, None))]
        self._young.remove([young.number for young in gone])
        self._room.held_bytes -= sum(young.weight_bytes for young in gone)
        if len(self._places) > 2 * len(self._records) + _REBUILT:
            left = [(place, young.asked, young.exact) for place, young in self._records.items()]
            self._room.held_bytes -= sum(young.weight_bytes for young in self._records.values())
            self._young = Index(self._young.dimension)
            self._places, self._indexed, self._records = [], 0, {}
            if left:
                self._add(left)


def _asked(entry: Entry) -> Record:
    """A record as far as filters ask about it."""
    asked = entry.appended
    for name in _UNASKED:
        asked.ClearField(name)
    return asked
