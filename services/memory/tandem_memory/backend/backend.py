"""What the service asks of whatever keeps its records. Every backend passes the same conformance tests (tests/services/memory/conformance).

Records are the wire's own messages: what was acknowledged is given back field by field. A backend fills in id, appended_at, at
and use; all else was checked before it comes here (`acceptance`), and every record has its vector, of the namespace's dimension.

Ids and cursors are opaque to everybody but the backend that gave them: one backend counts, another keeps a position per writer.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter, Finding, Judged, Namespace, Record, StatsResponse

from tandem_memory.backend.errors import OnDamage
from tandem_memory.backend.exchange import Appended, Got, Nearest, News, Origin, Page, Pruning, Removed


class Backend(Protocol):
    """Keeps records. All methods may be called at any time, from one event loop, any number at once.

    Whatever reads records raises DamagedError at one that is not as it was written; it is never given out. Where `damaged` is given it
    hears of that one instead, and what comes behind it is read, if this backend can. To `judge` and `prune` it is no hindrance: it is not
    judged, and removed as any other.
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
            StoreUnsureError: they were, and may be gone after a power cut.
        """
        ...

    async def take_back(self, namespace: str, records: Sequence[Record], *, embedding: str) -> Sequence[Appended]:
        """As `append`, but at, appended_at and use are taken from the records: they come out of an export."""
        ...

    async def search(self, namespace: str, queries: npt.NDArray[np.float32], k: int, wanted: Filter, *, vectors: bool) -> Nearest:
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

    def watch(
        self, namespace: str, cursor: str, wanted: Filter, *, only_new: bool, vectors: bool, damaged: OnDamage | None = None
    ) -> AsyncIterator[News]:
        """Every change from `cursor` on, for ever; also of a namespace that is not there yet.

        Who wants only what is new is told its place before anything else: without a cursor a break would leave a gap. Where nothing is
        there yet that is "", from which all is new.
        Nothing is kept for a reader that is slow: each is read from the log when the reader comes for it.

        Raises:
            CursorError: for a cursor that was never given.
            CursorTooOldError: for one behind which changes are forgotten by now; without a cursor all that is there is told.
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
            StoreUnsureError: as for `append`.
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

    def export(self, namespace: str, wanted: Filter, *, vectors: bool, damaged: OnDamage | None = None) -> AsyncIterator[Sequence[Record]]:
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
