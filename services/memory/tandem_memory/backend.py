"""What the service asks of whatever keeps its records. Every backend passes the same conformance tests (tests/services/memory/conformance).

Records are the wire's own messages: what was acknowledged is given back field by field. A backend fills in id, appended_at, at
and use; all else was checked before it comes here (`acceptance`), and every record has its vector, of the namespace's dimension.

Ids and cursors are opaque to everybody but the backend that gave them: one backend counts, another keeps a position per writer.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Change, Filter, Finding, Judged, Namespace, Record, StatsResponse

from tandem_memory.errors import (
    CursorError,
    DamagedError,
    DimensionError,
    EmbeddingError,
    ReadingLostError,
    StoreFullError,
    StoreRemovedError,
    StoreUnavailableError,
    UnknownNamespaceError,
)

__all__ = [
    "FOUND_BYTES",
    "PAGE_BYTES",
    "Appended",
    "Backend",
    "CursorError",
    "DamagedError",
    "DimensionError",
    "EmbeddingError",
    "Got",
    "Near",
    "News",
    "Origin",
    "Page",
    "Pruning",
    "ReadingLostError",
    "Removed",
    "StoreFullError",
    "StoreRemovedError",
    "StoreUnavailableError",
    "TooLarge",
    "UnknownNamespaceError",
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A record that a search found.

    Attributes:
        record: The record.
        similarity: Cosine of the angle between query and record, -1 to 1, computed from the vectors as they were handed in.
    """

    record: Record
    similarity: float


@dataclass(frozen=True, slots=True)
class TooLarge:
    """In place of what a query found: it is more than an answer holds, together with what those before it found."""


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


class Backend(Protocol):
    """Keeps records. All methods may be called at any time, from one event loop, any number at once.

    Whatever reads records raises DamagedError at one that is not as it was written; it is never given out.
    """

    async def append(self, namespace: str, records: Sequence[Record], *, embedding: str) -> Sequence[Appended]:
        """Take in records, and return once all are durable; the namespace begins with its first record.

        Of records with one key the first counts, within `records` as well as across calls and restarts.

        Args:
            namespace: Where to.
            records: 1 or more, each with its vector (bytes of little-endian float32).
            embedding: What made the vectors: the name of an embedding, or "caller".

        Raises:
            StoreFullError, DimensionError, EmbeddingError: then none of `records` was taken in.
        """
        ...

    async def take_back(self, namespace: str, records: Sequence[Record], *, embedding: str) -> Sequence[Appended]:
        """As `append`, but at, appended_at and use are taken from the records: they come out of an export."""
        ...

    async def search(
        self, namespace: str, queries: npt.NDArray[np.float32], k: int, wanted: Filter, *, vectors: bool
    ) -> Sequence[Sequence[Near] | TooLarge]:
        """The k records nearest to each of `queries`, shape (queries, dimension), nearest first; all that was acknowledged is considered.

        They are FOUND_BYTES together at most, but for a single record that is larger.

        Raises:
            UnknownNamespaceError, DimensionError: nothing can be found.
        """
        ...

    async def get(self, namespace: str, ids: Sequence[str], *, vectors: bool) -> Got:
        """Those of the records that are there, in the order of `ids`: at most PAGE_BYTES, but for a single record that is larger.

        Raises:
            UnknownNamespaceError: when there is no such namespace.
        """
        ...

    async def scan(self, namespace: str, cursor: str, limit: int, wanted: Filter, *, vectors: bool) -> Page:
        """A page of at most `limit` records that match, and of at most PAGE_BYTES, but for a single record that is larger.

        Raises:
            UnknownNamespaceError, CursorError: for a namespace or a cursor that was never given.
        """
        ...

    def watch(self, namespace: str, cursor: str, wanted: Filter, *, only_new: bool, vectors: bool) -> AsyncIterator[News]:
        """Every change from `cursor` on, for ever; also of a namespace that is not there yet.

        Who wants only what is new is told its place before anything else: without a cursor a break would leave a gap.
        Nothing is kept for a reader that is slow: each is read from the log when the reader comes for it.

        Raises:
            CursorError: for a cursor that was never given.
        """
        ...

    async def prune(self, namespace: str, pruning: Pruning) -> Removed:
        """Remove records, for good before this returns.

        Raises:
            UnknownNamespaceError: nothing was removed.
            StoreFullError: nothing was removed, or not all: the same again removes the rest.
        """
        ...

    async def judge(self, namespace: str, judged: Sequence[Judged]) -> int:
        """Book what recalling records was good for; how many were of records that are there and had not been told under their key.

        Raises:
            UnknownNamespaceError, CursorError, StoreFullError: nothing was booked.
        """
        ...

    async def stats(self, namespace: str, wanted: Filter) -> StatsResponse:
        """Counts and means over the records that match.

        Raises:
            UnknownNamespaceError: as for `get`.
        """
        ...

    async def origin(self, namespace: str) -> Origin | None:
        """Where a namespace's vectors come from; None while it is not there. Asked by every call, so it costs next to nothing."""
        ...

    async def namespaces(self) -> Sequence[Namespace]:
        """All there are, by name; their records are counted for it."""
        ...

    def export(self, namespace: str, wanted: Filter, *, vectors: bool) -> AsyncIterator[Sequence[Record]]:
        """All records that match, with their use, as they are at one moment, in the order that they were taken in.

        Raises:
            UnknownNamespaceError: as for `get`.
            ReadingLostError: when that moment is lost on the way.
        """
        ...

    async def check(self) -> tuple[int, Sequence[Finding]]:
        """How many records there are, and all that is not as it must be."""
        ...

    async def copy(self, into: Path) -> int:
        """Write the store as it is at one moment into an empty folder, from which it can be opened; how many records that are."""
        ...

    def trouble(self) -> str | None:
        """What must be mended from outside before anything is taken in again, in a line; None while all is well. Asked by any thread.

        A disk that is full is none: removing records mends it, for which the service must be reached.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun, and let go of everything."""
        ...
