"""Where something is: a writer's log and a position in it; and how ids and cursors say so. Pure.

A writer is one turn of one replica of the service. Both numbers of its name are its own for ever, so no position is given twice.

Every start of a replica makes a few more logs, and logs that nobody writes any more are closed: numbered, in their order. A cursor names
how many of them in that order it is behind, and of all others those that it has begun; so it does not grow with the starts. It also names
the moment before which everything was forgotten when its reader began with nothing, if there was such a moment.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tandem_memory.backend import CursorError
from tandem_memory.cassandra.cluster.schema import BUCKET

_WRITER = r"[0-9a-f]{12}\.[0-9]{1,9}"
_ID = re.compile(rf"({_WRITER})-([1-9][0-9]{{0,17}})", re.ASCII)
_CURSOR = re.compile(
    rf"([0-9a-f]{{12}})(?:,@([1-9][0-9]{{0,17}}))?(?:,~([1-9][0-9]{{0,8}}))?((?:,{_WRITER}-[1-9][0-9]{{0,17}})*)", re.ASCII
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position, from 1, in the log of a writer."""

    writer: str
    position: int

    def __str__(self) -> str:
        return f"{self.writer}-{self.position}"

    @property
    def bucket(self) -> int:
        """The partition that it is in."""
        return bucket(self.position)

    @property
    def replica(self) -> str:
        """Whose writer it is."""
        return replica_of(self.writer)

    @classmethod
    def parsed(cls, identifier: str) -> "Place":
        """What an id names.

        Raises:
            CursorError: when it is none.
        """
        place = cls.of(identifier)
        if place is None:
            msg = f"{identifier!r} is no id of this namespace"
            raise CursorError(msg)
        return place

    @classmethod
    def of(cls, identifier: str) -> "Place | None":
        """The same; None when it is none."""
        found = _ID.fullmatch(identifier)
        return cls(found[1], int(found[2])) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A log that nothing follows in any more.

    Attributes:
        writer: Whose.
        position: Its last; what may be behind it was never acknowledged, and counts as nothing.
        began_us: No entry is earlier, microseconds since 1970.
        ended_us: No entry is later.
    """

    writer: str
    position: int
    began_us: int
    ended_us: int


def replica_of(writer: str) -> str:
    """Whose log a writer's is."""
    return writer.partition(".")[0]


def bucket(position: int) -> int:
    """The partition of a log that a position is in."""
    return (position - 1) // BUCKET


def cursor(identity: str, positions: Mapping[str, int], closed: Sequence["Closed"], since_us: int = 0) -> str:
    """Where who has seen each writer's log up to its position goes on from; `since_us` as `since_us` gives it back."""
    behind = 0
    while behind < len(closed) and positions.get(closed[behind].writer, 0) >= closed[behind].position:
        behind += 1
    counted = {each.writer for each in closed[:behind]}
    named = (f"{writer}-{position}" for writer, position in sorted(positions.items()) if position and writer not in counted)
    return ",".join((identity, *([f"@{since_us}"] if since_us else []), *([f"~{behind}"] if behind else []), *named))


def since_us(given: str) -> int:
    """The moment before which all was forgotten when a reader began; 0 if nothing was."""
    found = _CURSOR.fullmatch(given)
    return int(found[2] or 0) if found else 0


def positions(identity: str, given: str, heads: Mapping[str, int], closed: Sequence["Closed"]) -> dict[str, int]:
    """What `cursor` made; nothing, the beginning, of an empty one.

    Args:
        identity: Of the namespace.
        given: What was handed in.
        heads: How far each writer's log has come.
        closed: Logs that nothing follows in, in their order.

    Raises:
        CursorError: when it is of another namespace, or further on than a log has come.
    """
    if not given:
        return {}
    found = _CURSOR.fullmatch(given)
    if found and found[1] == identity and (behind := int(found[3] or 0)) <= len(closed):
        told = {place.writer: place.position for place in map(Place.parsed, found[4].split(",")[1:])}
        if all(position <= heads.get(writer, 0) for writer, position in told.items()):
            return {each.writer: each.position for each in closed[:behind]} | told
    msg = f"{given[:80]!r} is no cursor of this namespace: begin without one"
    raise CursorError(msg)
