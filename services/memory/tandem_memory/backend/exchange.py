"""What passes between the service and a backend, beside the wire's own messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from tandem.memory.v1.memory_pb2 import Change, Filter, Record

PAGE_BYTES = 16 << 20  # a quarter of what a message may have: a page is held as records, as an answer and as what is sent of it
FOUND_BYTES = 32 << 20  # half of it, since what a search finds cannot be gone on from: 1000 records with vectors of 8192 dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the vectors of a namespace come from: fixed by its first record.

    Attributes:
        dimension: Of each.
        embedding: What makes them; "caller" for vectors of its callers.
    """

    dimension: int
    embedding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of a record that was handed in.

    Attributes:
        id: Its id, or that of the record that was there under its key.
        known: Whether it was there.
    """

    id: str
    known: bool


class Near(NamedTuple):
    """A record that a search found; a tuple, since ten are made for each query.

    Attributes:
        packed: The record as it is on the wire: most are sent on, and nobody reads them here.
        similarity: Cosine of the angle between query and record, -1 to 1, computed from the vectors as they were handed in.
    """

    packed: bytes
    similarity: float

    @property
    def record(self) -> Record:
        """The record, read anew each time."""
        return Record.FromString(self.packed)


@dataclass(frozen=True, slots=True)
class TooLarge:
    """In place of what a query found: it is more than an answer holds, together with what those before it found."""


Nearest: TypeAlias = Sequence[Sequence[Near] | TooLarge]
"""For each query what it found, nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """Records that were asked for by their ids.

    Attributes:
        records: Those that are there.
        left: So many of the ids, the last of them, were not looked at, since the records are large.
    """

    records: Sequence[Record]
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a namespace, in the order that records were taken in.

    Attributes:
        records: The records.
        cursor: Where the next page begins; empty when there is none at this time.
    """

    records: Sequence[Record]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Changes, in their order.

    Attributes:
        changes: What happened; empty when nothing that was asked for did for a while.
        cursor: What to go on from.
    """

    changes: Sequence[Change]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What is to be removed.

    Attributes:
        among: Only records that match.
        keep_best: All but the best so many, by score, then utility, then age; None removes none for that.
        per_source: Whether each source keeps so many.
        before: What was made before.
        harmful_after: What was used at least so often, to a mean gain below zero.
        dry_run: Say what would go, remove nothing.
    """

    among: Filter
    keep_best: int | None = None
    per_source: bool = False
    before: datetime | None = None
    harmful_after: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was removed, or would be: the ids, and the source of each."""

    ids: Sequence[str]
    sources: Sequence[str]
    kept: int
