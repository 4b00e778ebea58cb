"""One transaction of LMDB over the tables: values go in and come out under their seal, and what is written is noted."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import lmdb

from tandem_memory.backend import DamagedError
from tandem_memory.store.disk.errors import DAMAGE
from tandem_memory.store.disk.seal import sealed, unsealed
from tandem_memory.store.disk.tables import Table

Write: TypeAlias = tuple[Table, bytes, bytes | None]
"""A key that was put, and its value as it is kept, or None where it was deleted."""


class Transaction:
    """Reads, and writes where it was begun for that. A table that is not there, since an earlier version did not make it, is empty.

    Attributes:
        writes: What was written, in its order.
    """

    def __init__(self, held: "lmdb.Transaction[bytes]", tables: Mapping[Table, Any]) -> None:
        self._held, self._tables = held, tables
        self.writes = list[Write]()

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value, or None.

        Raises:
            DamagedError: when it is not as it was written.
        """
        kept = self.get_sealed(table, key)
        return None if kept is None else unsealed(table, key, kept)

    def get_sealed(self, table: Table, key: bytes) -> bytes | None:
        """The value as it is kept, or None."""
        try:
            return self._held.get(key, db=self._tables[table]) if table in self._tables else None
        except DAMAGE as error:
            raise _damaged(table, error) from error

    def has(self, table: Table, key: bytes) -> bool:
        """Whether there is such a key."""
        return self.get_sealed(table, key) is not None

    def put(self, table: Table, key: bytes, value: bytes) -> None:
        """Keep a value, in place of what is there."""
        self.repeat((table, key, sealed(key, value)))

    def delete(self, table: Table, key: bytes) -> None:
        """Remove a value, if it is there."""
        self.repeat((table, key, None))

    def repeat(self, write: Write) -> None:
        """Write what another transaction wrote."""
        self.writes.append(write)
        table, key, kept = write
        held_table = self._tables[table]
        if kept is None:
            self._held.delete(key, db=held_table)
        # Appending fills pages to the brim; it is refused for all keys but the last of a table.
        elif not self._held.put(key, kept, append=True, db=held_table):
            self._held.put(key, kept, db=held_table)

    def walk(self, table: Table, first: bytes = b"", before: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys and values from `first` on and, unless empty, before `before`.

        Raises:
            DamagedError: at a value that is not as it was written.
        """
        for key, kept in self.walk_sealed(table, first, before):
            yield key, unsealed(table, key, kept)

    def walk_sealed(self, table: Table, first: bytes = b"", before: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The same, with values as they are kept, for who looks for damage."""
        if table not in self._tables:
            return
        with self._held.cursor(self._tables[table]) as cursor, _noticing_damage(table):
            found = cursor.set_range(first) if first else cursor.first()
            while found:
                key, kept = cursor.item()
                if before and key >= before:
                    return
                yield key, kept
                found = cursor.next()

    def last_sealed(self, table: Table, before: bytes) -> tuple[bytes, bytes] | None:
        """The last key before `before`, and its value as it is kept."""
        if table not in self._tables:
            return None
        with self._held.cursor(self._tables[table]) as cursor, _noticing_damage(table):
            found = cursor.prev() if cursor.set_range(before) else cursor.last()
            if not found:
                return None
            return cursor.item()

    def used_bytes(self) -> int:
        """What the pages take that hold the tables."""
        stats = [self._held.stat(table) for table in self._tables.values()]
        return sum(each["psize"] * (each["branch_pages"] + each["leaf_pages"] + each["overflow_pages"]) for each in stats)

    def count(self, table: Table) -> int:
        """How many keys a table has."""
        return self._held.stat(self._tables[table])["entries"]


@contextmanager
def _noticing_damage(table: Table) -> Generator[None]:
    """Say where it was when LMDB stumbles over its own pages."""
    try:
        yield
    except DAMAGE as error:
        raise _damaged(table, error) from error


def _damaged(table: Table, error: lmdb.Error) -> DamagedError:
    return DamagedError(f"table {table}", str(error))
