"""A store at one moment, read in parts for as long as that takes."""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import lmdb

from tandem_memory.backend import ReadingLostError
from tandem_memory.store.disk.gate import Gate
from tandem_memory.store.disk.tables import Table
from tandem_memory.store.disk.transaction import Transaction


class Snapshot:
    """A store at one moment. Threads may share it, and end it while it is read: they take turns."""

    def __init__(self, gate: Gate, held: "lmdb.Transaction[bytes]", tables: Mapping[Table, Any]) -> None:
        self._gate, self._held, self._tables = gate, held, tables
        self._ended = False
        self._turn = threading.Lock()

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """Read a part.

        Raises:
            ReadingLostError: when the map has moved since the last part, or the disk has become full.
        """
        with self._gate.passing(), self._turn:
            if self._ended:
                msg = "the store had to make room while it was read: begin again"
                raise ReadingLostError(msg)
            yield Transaction(self._held, self._tables)

    def end(self) -> None:
        """Let go of its pages; a second time is no harm."""
        with self._turn:
            if not self._ended:
                self._ended = True
                self._held.abort()
