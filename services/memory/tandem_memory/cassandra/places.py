"""Where something is: a writer's log and a position in it; and how ids and cursors say so. Pure.

A writer is one turn of one replica of the service. Both numbers of its name are its own for ever, so no position is given twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tandem_memory.backend import CursorError
from tandem_memory.cassandra.schema import BUCKET

_WRITER = r"[0-9a-f]{12}\.[0-9]{1,9}"
_ID = re.compile(rf"({_WRITER})-([1-9][0-9]{{0,17}})", re.ASCII)
_CURSOR = re.compile(rf"([0-9a-f]{{12}})((?:,{_WRITER}-[1-9][0-9]{{0,17}})*)", re.ASCII)


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
        return self.writer.partition(".")[0]

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


def bucket(position: int) -> int:
    """The partition of a log that a position is in."""
    return (position - 1) // BUCKET


def cursor(identity: str, positions: Mapping[str, int]) -> str:
    """Where who has seen each writer's log up to its position goes on from."""
    return ",".join((identity, *(f"{writer}-{position}" for writer, position in sorted(positions.items()) if position)))


def positions(identity: str, given: str, heads: Mapping[str, int]) -> dict[str, int]:
    """What `cursor` made; nothing, the beginning, of an empty one.

    Args:
        identity: Of the namespace.
        given: What was handed in.
        heads: How far each writer's log has come.

    Raises:
        CursorError: when it is of another namespace, or further on than a log has come.
    """
    if not given:
        return {}
    found = _CURSOR.fullmatch(given)
    if found and found[1] == identity:
        told = {place.writer: place.position for place in map(Place.parsed, found[2].split(",")[1:])}
        if all(position <= heads.get(writer, 0) for writer, position in told.items()):
            return told
    msg = f"{given[:80]!r} is no cursor of this namespace: begin without one"
    raise CursorError(msg)
