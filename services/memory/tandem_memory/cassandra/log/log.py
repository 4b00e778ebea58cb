"""Logs as they are kept: how positions are read, written and emptied.

A stretch of positions is written as one row change of one partition, which Cassandra does whole or not at all; and a writer begins the
next when the last is at a quorum. So a log has no holes but where a reader looked while it was written, and such a reader looks again.
"""

# ruff: noqa: S608 - the names in statements are ours; values are bound

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cassandra.query import UNSET_VALUE  # pyright: ignore[reportMissingTypeStubs] - the driver has no types
from tandem.memory.v1.memory_pb2 import Record

from tandem_memory.cassandra.cluster.asking import Asking, Level, Statement
from tandem_memory.cassandra.cluster.schema import BUCKET, SAID_SO, TAKEN_AWAY, WRITTEN, indexed_dimension, log_table
from tandem_memory.cassandra.cluster.spaces import Space
from tandem_memory.cassandra.log.entries import Entry, Kind, contiguous, direction, grouped
from tandem_memory.cassandra.log.facets import facets
from tandem_memory.cassandra.log.pieces import Pieces, in_pieces, kept_in_row
from tandem_memory.cassandra.log.places import Place, bucket
from tandem_memory.index.fields.columns import nanoseconds

MOST = 256  # positions that are read at once: with 768 dimensions 1 MB
_KINDS = "position, entry, kind, at, size"  # columns of what is small
_OF_A_LOG = "identity = ? AND writer = ? AND bucket = ?"


class Log:
    """The logs of one namespace."""

    def __init__(self, asking: Asking, space: Space, ttl_s: int) -> None:
        """`ttl_s`: After so many seconds Cassandra forgets what was removed or judged; with 0 never."""
        self._asking, self._space, self._ttl_s = asking, space, ttl_s
        self._table = log_table(space.dimension)
        self._pieces = Pieces(asking, space.identity)

    async def stretch(self, writer: str, after: int, until: int, *, exact: bool = False) -> list[Entry]:
        """Some entries behind `after`, up to `until` at most, without a gap; none when the next is not there."""
        if after >= until:
            return []
        key = (self._space.identity, writer, bucket(after + 1))
        rows = await self._asking.rows(
            f"SELECT {_columns(exact=exact)} FROM {self._table} WHERE {_OF_A_LOG} AND position > ? AND position <= ? LIMIT {MOST}",
            *key,
            after,
            until,
        )
        if len(rows) == MOST:
            last = rows[-1][0]
            whole = [row for row in rows if row[0] != last]
            # There may be more about the last one: it is left for the next time, unless it is the only one.
            rows = whole or await self._all_about(key, last, exact=exact)
        return await self._pieces.put_together(contiguous(grouped(writer, rows), after))

    async def at(self, places: Iterable[Place], *, exact: bool = False) -> dict[Place, Entry]:
        """Those of the places where something is or was."""
        entries = await self._found(places, _columns(exact=exact))
        return {entry.place: entry for entry in await self._pieces.put_together(entries, all_of_them=True)}

    async def kinds(self, places: Iterable[Place]) -> dict[Place, Entry]:
        """The same without their bodies and those of judgements, and without a look at their pieces: as many as one likes."""
        return {entry.place: entry for entry in await self._found(places, _KINDS)}

    async def nearest(self, query: bytes, most: int, conditions: str, values: Sequence[object]) -> list[Place]:
        """About the `most` records nearest to a vector, as one replica of each has them: it may lack what others have."""
        rows = await self._asking.rows(
            f"SELECT writer, position FROM {self._table} WHERE {conditions} ORDER BY vector ANN OF ? LIMIT {most}",
            *values,
            direction(query, indexed_dimension(self._space.dimension)),
            at=Level.ONE,
        )
        return [Place(writer, position) for writer, position in rows]

    async def count(self, writer: str, until: int) -> int:
        """How many records a log has."""
        cql = f"SELECT count(*) FROM {self._table} WHERE {_OF_A_LOG} AND position <= ? AND kind = {Kind.RECORD} ALLOW FILTERING"
        count = 0
        for number in range(bucket(until) + 1 if until else 0):  # one after the other: it is dear, and nobody is in a hurry for it
            ((there,),) = await self._asking.rows(cql, self._space.identity, writer, number, until)
            count += there
        return count

    async def settle(self, writer: str, after: int, until: int) -> int:
        """Have all replicas hold what some do, from behind `after` up to the position that is returned.

        A read of all replicas writes to each what it lacks before it answers (read_repair = BLOCKING, Cassandra's default).
        """
        last = min(until, after + MOST, (bucket(after + 1) + 1) * BUCKET)
        counted = ", ".join(f"count({column})" for column in ("kind", "body", "size", "exact", "vector", "facets", "score", "made"))
        await self._asking.rows(
            f"SELECT {counted} FROM {self._table} WHERE {_OF_A_LOG} AND position > ? AND position <= ?",
            *(self._space.identity, writer, bucket(after + 1), after, last),
            at=Level.ALL,
        )
        return last

    async def write_pieces(self, entries: Iterable[Entry]) -> None:
        """Write what of entries does not go into their rows, before those are written."""
        written = (self._pieces.write(entry, self._ttl_s if entry.kind == Kind.CHANGE else 0) for entry in entries if in_pieces(entry))
        await asyncio.gather(*written)

    async def forget_pieces(self, entries: Iterable[Entry]) -> None:
        """Take away the pieces of entries that are gone."""
        await self._pieces.forget(entries)

    def record(self, entry: Entry, record: Record) -> Statement:
        """Writes a record."""
        return self._insert(
            entry.place,
            *("", Kind.RECORD, entry.at_us, *kept_in_row(entry), entry.exact),
            direction(entry.exact, indexed_dimension(self._space.dimension)),
            facets(self._space.identity, record),
            record.score if record.HasField("score") else UNSET_VALUE,
            nanoseconds(record.at),
        )

    def change(self, entry: Entry) -> Statement:
        """Writes that something else happened: this stays, so that the log has no gap where it is forgotten what that was."""
        return self._insert(entry.place, "", Kind.CHANGE, entry.at_us, UNSET_VALUE, kept_in_row(entry)[1])

    def what(self, entry: Entry) -> Statement:
        """Writes what that was, for as long as it is remembered."""
        return Statement(
            f"UPDATE {self._table} USING TIMESTAMP {WRITTEN} AND TTL ? SET body = ? WHERE {_OF_A_LOG} AND position = ? AND entry = ''",
            (self._ttl_s, kept_in_row(entry)[0], self._space.identity, entry.place.writer, entry.place.bucket, entry.place.position),
        )

    def judged(self, record: Place, name: str, at_us: int, body: bytes) -> Statement:
        """Writes a judgement beside its record; the same name once."""
        return self._insert(record, name, Kind.JUDGED, at_us, body)

    def emptied(self, place: Place, at_us: int) -> Iterator[Statement]:
        """Takes away what is at a place, or will be."""
        values = (self._space.identity, place.writer, place.bucket, place.position)
        yield Statement(f"DELETE FROM {self._table} USING TIMESTAMP {TAKEN_AWAY} WHERE {_OF_A_LOG} AND position = ?", values)
        yield self.nothing(place, at_us)

    def nothing(self, place: Place, at_us: int) -> Statement:
        """Says that nothing is there."""
        return self._insert(place, "", Kind.NOTHING, at_us, rank=SAID_SO)

    def _insert(self, place: Place, *values: Any, rank: int = WRITTEN) -> Statement:  # noqa: ANN401 - columns are of many types
        columns = ("entry", "kind", "at", "body", "size", "exact", "vector", "facets", "score", "made")[: len(values)]
        names = ", ".join(("identity", "writer", "bucket", "position", *columns))
        marks = ", ".join("?" for _ in range(4 + len(columns)))
        return Statement(
            f"INSERT INTO {self._table} ({names}) VALUES ({marks}) USING TIMESTAMP {rank}",
            (self._space.identity, place.writer, place.bucket, place.position, *values),
        )

    async def _found(self, places: Iterable[Place], columns: str) -> list[Entry]:
        buckets: dict[tuple[str, int], set[int]] = defaultdict(set)
        for place in places:
            buckets[place.writer, place.bucket].add(place.position)
        cql = f"SELECT {columns} FROM {self._table} WHERE {_OF_A_LOG} AND position IN ?"
        found = await asyncio.gather(
            *(
                self._asking.rows(cql, self._space.identity, writer, number, sorted(positions))
                for (writer, number), positions in buckets.items()
            )
        )
        return [entry for (writer, _), rows in zip(buckets, found, strict=True) for entry in grouped(writer, rows)]

    async def _all_about(self, key: tuple[str, str, int], position: int, *, exact: bool) -> list[Any]:
        return await self._asking.rows(
            f"SELECT {_columns(exact=exact)} FROM {self._table} WHERE {_OF_A_LOG} AND position = ?", *key, position
        )


def _columns(*, exact: bool) -> str:
    return f"{_KINDS}, body" + (", exact" if exact else "")
