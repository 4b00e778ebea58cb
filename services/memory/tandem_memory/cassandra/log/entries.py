"""What stands at a position of a log, and how a record is taken apart for it and put together again. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from tandem.memory.v1.memory_pb2 import Change, Judged, Record

from tandem_memory.backend import CursorTooOldError
from tandem_memory.cassandra.log.places import Place
from tandem_memory.rules.uses import judge

_FLOAT = "<f4"
_KEPT_FLOAT = ">f4"  # as Cassandra keeps vectors


class Kind(IntEnum):
    """What is at a position."""

    RECORD = 0
    CHANGE = 1  # something else that happened
    NOTHING = 2  # any more, or ever
    JUDGED = 3  # a judgement, beside the record that it is about


class Beside(NamedTuple):
    """A judgement that stands beside its record: under which name, when it was written, and the message."""

    name: str
    at_us: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A position that was read.

    Attributes:
        place: Which.
        kind: What is there.
        at_us: When it was written, microseconds since 1970; never earlier than what is before it in its log.
        body: The message; empty where that is forgotten, or some of its pieces are gone.
        size: How long it is, where it is kept in pieces; else 0.
        exact: The record's vector, little-endian float32; empty when it was not asked for.
        judged: What was said of the record's use.
    """

    place: Place
    kind: Kind
    at_us: int
    body: bytes
    size: int = 0
    exact: bytes = b""
    judged: tuple[Beside, ...] = ()

    @property
    def record(self) -> Record:
        """The record, with all that is known of its use."""
        return self.until(None)

    def until(self, moment_us: int | None) -> Record:
        """The record, with what was known of its use before a moment."""
        record = self.appended
        for beside in self.judged:
            if moment_us is None or beside.at_us < moment_us:
                judge(record.use, Judged.FromString(beside.body))
        return record

    @property
    def appended(self) -> Record:
        """The record, with the use that it came with."""
        record = Record.FromString(self.body)
        record.id = str(self.place)
        record.vector = self.exact
        return record

    @property
    def change(self) -> Change | None:
        """What happened; None of a record that is gone, and an empty one where that is forgotten."""
        if self.kind == Kind.NOTHING:
            return None
        return Change(appended=self.appended) if self.kind == Kind.RECORD else Change.FromString(self.body)

    def told(self, since_us: int) -> Change | None:
        """What is told of it to who has begun when all before a moment was forgotten, and was told the sum of that.

        Raises:
            CursorTooOldError: when it is forgotten by now.
        """
        if self.kind == Kind.RECORD:
            return Change(appended=self.until(since_us))
        if self.kind == Kind.NOTHING or self.at_us < since_us:
            return None
        if not self.body:
            raise CursorTooOldError(Place(self.place.writer, self.place.position - 1), self.place)
        return self.change


Row = tuple[Any, ...]  # position, entry, kind, at, size and, where they were asked for, body or body and exact


def grouped(writer: str, rows: Iterable[Row]) -> list[Entry]:
    """Rows of one log, in their order, by position. A judgement whose record is not there is left out."""
    entries: list[Entry] = []
    for position, name, kind, at_us, size, *wide in rows:
        body, exact = (each or b"" for each in (*wide, b"", b"")[:2])
        if not name:
            entries.append(Entry(place=Place(writer, position), kind=Kind(kind), at_us=at_us, body=body, size=size or 0, exact=exact))
        elif entries and entries[-1].place.position == position and entries[-1].kind == Kind.RECORD:
            entries[-1] = replace(entries[-1], judged=(*entries[-1].judged, Beside(name, at_us, body)))
    return entries


def contiguous(entries: Sequence[Entry], after: int) -> list[Entry]:
    """Those that follow `after` without a gap: what is behind one is not known to be all."""
    return [entry for number, entry in enumerate(entries, after + 1) if entry.place.position == number]


def direction(exact: bytes, dimension: int) -> bytes:
    """A record's vector at length 1, as Cassandra indexes it: `dimension` components, zeros behind its own.

    Cassandra computes lengths in float32, which the squares of very large and very small components leave.
    """
    wide = np.frombuffer(exact, _FLOAT).astype(np.float64)
    wide /= max(float(np.abs(wide).max(initial=0.0)), np.finfo(np.float64).tiny)
    wide /= max(float(np.sqrt(wide @ wide)), np.finfo(np.float64).tiny)
    if len(wide) < dimension:
        wide = np.pad(wide, (0, dimension - len(wide)))
    return wide.astype(_KEPT_FLOAT).tobytes()
