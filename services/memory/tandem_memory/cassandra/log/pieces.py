"""Bodies that are too large for a row, kept in pieces: a log is read many rows at a time, and Cassandra takes no message over 12 MiB.

Pieces are written before the row that says how long they are together, and taken away after it; they are read when it has been read. So a
record whose pieces are not all there has been removed since.
"""

# ruff: noqa: S608 - the names in statements are ours; values are bound

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tandem_memory.cassandra.cluster.asking import Asking, Statement
from tandem_memory.cassandra.cluster.schema import TAKEN_AWAY, WRITTEN
from tandem_memory.cassandra.log.entries import Entry, Kind

_IN_A_ROW = 16 << 10  # bytes; 256 rows, which are read at once, are 4 MiB then
_PIECE = 1 << 20
_AT_ONCE = 16 << 20  # of bodies in pieces of a log that are held at once, and one body whatever its size
_OF_A_PIECE = "identity = ? AND place = ? AND number = ?"


def in_pieces(entry: Entry) -> bool:
    """Whether the body of an entry does not go into its row."""
    return len(entry.body) > _IN_A_ROW


def kept_in_row(entry: Entry) -> tuple[bytes | None, int]:
    """The columns `body` and `size` of an entry's row."""
    return (None, len(entry.body)) if in_pieces(entry) else (entry.body, 0)


class Pieces:
    """The pieces of one namespace."""

    def __init__(self, asking: Asking, identity: str) -> None:
        self._asking, self._identity = asking, identity

    async def write(self, entry: Entry, ttl_s: int) -> None:
        """Write the pieces of an entry whose body does not go into its row; they go by themselves after `ttl_s`, with 0 never."""
        cql = f"INSERT INTO pieces (identity, place, number, body) VALUES (?, ?, ?, ?) USING TIMESTAMP {WRITTEN} AND TTL ?"
        pieces = [entry.body[begin : begin + _PIECE] for begin in range(0, len(entry.body), _PIECE)]
        keys = self._keys(entry, len(entry.body))
        written = (self._asking.write([Statement(cql, (*key, piece, ttl_s))]) for key, piece in zip(keys, pieces, strict=True))
        await asyncio.gather(*written)

    async def put_together(self, entries: Sequence[Entry], *, all_of_them: bool = False) -> list[Entry]:
        """The entries with their bodies: as many as may be held at once, or all."""
        whole, held = list[Entry](), 0
        for entry in entries:
            held += entry.size
            if whole and held > _AT_ONCE and not all_of_them:
                break
            whole.append(await self._whole(entry) if entry.size else entry)
        return whole

    async def forget(self, entries: Iterable[Entry]) -> None:
        """Take away the pieces of entries."""
        cql = f"DELETE FROM pieces USING TIMESTAMP {TAKEN_AWAY} WHERE {_OF_A_PIECE}"
        keys = (key for entry in entries for key in self._keys(entry, entry.size))
        await asyncio.gather(*(self._asking.rows(cql, *key) for key in keys))

    async def _whole(self, entry: Entry) -> Entry:
        """The entry with its body; where that is not all there a record is gone, and what else happened is forgotten."""
        body = await self._read(entry)
        if len(body) == entry.size:
            return replace(entry, body=body)
        return replace(entry, kind=Kind.NOTHING if entry.kind == Kind.RECORD else entry.kind, body=b"")

    async def _read(self, entry: Entry) -> bytes:
        cql = f"SELECT body FROM pieces WHERE {_OF_A_PIECE}"
        found = await asyncio.gather(*(self._asking.rows(cql, *key) for key in self._keys(entry, entry.size)))
        return b"".join(row[0] for rows in found for row in rows)

    def _keys(self, entry: Entry, size: int) -> list[tuple[str, str, int]]:
        return [(self._identity, str(entry.place), number) for number in range(-(-size // _PIECE))]
