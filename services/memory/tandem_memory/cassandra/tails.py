"""How far each log has come, as this replica has seen it; and what of it may not be on every node yet.

Cassandra answers a search by nearness from one node of each part of the ring (LOCAL_ONE is all that it offers), and a write that
a quorum has may be missing there. So every replica holds what is not *settled* in its own memory, and searches that exactly beside what
Cassandra finds: read-your-write holds on every replica of the service. What has been read from all nodes is settled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.cassandra.entries import Entry, Kind
from tandem_memory.cassandra.places import Place
from tandem_memory.index import Index

_REBUILT = 4096  # rows that are not needed any more before memory is given back


@dataclass(slots=True, kw_only=True)
class Tail:
    """The end of a log.

    Attributes:
        position: Up to where it has been read.
        settled: Up to where all nodes have it.
        ended: Whether nothing will follow.
    """

    position: int = 0
    settled: int = 0
    ended: bool = False


class Tails:
    """The logs of one namespace, and the young records in them."""

    def __init__(self, dimension: int) -> None:
        self.of: dict[str, Tail] = {}
        self.latest_us = 0
        self._young = Index(dimension)
        self._places: list[Place] = []
        self._numbers: dict[Place, int] = {}
        self._entries: dict[Place, Entry] = {}

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

    def begin(self, writer: str, settled: int, settled_us: int) -> Tail:
        """The end of a log, which is new to this replica if it was not known."""
        if writer not in self.of:
            self.of[writer] = Tail(position=settled, settled=settled)
            self.latest_us = max(self.latest_us, settled_us)
        return self.of[writer]

    def learn(self, writer: str, entries: Sequence[Entry]) -> None:
        """Take in what follows in a log."""
        if not entries:
            return
        self.of[writer].position = entries[-1].place.position
        self.latest_us = max(self.latest_us, *(entry.at_us for entry in entries))
        fresh = [entry for entry in entries if entry.kind == Kind.RECORD]
        if fresh:
            self._add(fresh)
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
        self.latest_us = max(self.latest_us, settled_us)

    def near(self, queries: npt.NDArray[np.float32], k: int, wanted: Filter) -> list[list[Place]]:
        """For each query the k nearest of the young records that match, whatever became of their use."""
        if not self._entries:
            return [[] for _ in queries]
        lasting = Filter()
        lasting.CopyFrom(wanted)
        lasting.ClearField("min_utility")
        return [[self._places[number - 1] for number, _ in found] for found in self._young.search(queries, k, lasting)]

    def _add(self, entries: Sequence[Entry]) -> None:
        numbers = range(len(self._places) + 1, len(self._places) + len(entries) + 1)
        vectors = np.frombuffer(b"".join(entry.exact for entry in entries), "<f4").reshape(len(entries), self._young.dimension)
        self._young.add(np.array(numbers, np.uint64), vectors, [entry.appended for entry in entries])
        self._places += (entry.place for entry in entries)
        for number, entry in zip(numbers, entries, strict=True):
            self._numbers[entry.place], self._entries[entry.place] = number, entry

    def _forget(self, places: Iterable[Place]) -> None:
        known = [place for place in places if self._entries.pop(place, None)]
        self._young.remove([self._numbers.pop(place) for place in known])
        if len(self._places) > 2 * len(self._entries) + _REBUILT:
            left = list(self._entries.values())
            self._young = Index(self._young.dimension)
            self._places, self._numbers, self._entries = [], {}, {}
            if left:
                self._add(left)
