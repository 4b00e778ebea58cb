"""What the jobs of one group do to the store, before it is durable: either all of it comes to be, or nothing.

A job is refused before it has written anything. The effects are what the derived index learns once the group is durable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Change, Record

from tandem_memory.rules.clock import microseconds
from tandem_memory.store.disk.tables import Table, place
from tandem_memory.store.disk.transaction import Transaction
from tandem_memory.store.entries import written
from tandem_memory.store.namespace import Head, Namespace, known


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Records that are there now: positions ascending, shape (n,); vectors of shape (n, dimension); records with their use."""

    namespace: Namespace
    positions: npt.NDArray[np.uint64]
    vectors: npt.NDArray[np.float32]
    records: Sequence[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Positions of records that are not there any more."""

    namespace: Namespace
    positions: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A record's use, as it is now in all."""

    namespace: Namespace
    position: int
    times: int
    gain: float


Effect = Added | Gone | Used


class Draft:
    """The store as it will be.

    Attributes:
        kept_from_us: From which moment on, microseconds since 1970, changes that are no records have to be kept.
    """

    def __init__(
        self, transaction: Transaction, namespaces: Mapping[str, Namespace], heads: Mapping[int, Head], *, now: datetime, kept: timedelta
    ) -> None:
        self.transaction, self.now = transaction, now
        self.namespaces, self.heads = dict(namespaces), dict(heads)
        self.effects: list[Effect] = []
        self._now_us = microseconds(now)
        self.kept_from_us = self._now_us - kept // timedelta(microseconds=1)

    def namespace(self, name: str) -> Namespace:
        """The namespace.

        Raises:
            UnknownNamespaceError: when there is none.
        """
        return known(self.namespaces, name)

    def begin(self, name: str, dimension: int, embedding: str) -> Namespace:
        """Begin a namespace."""
        begun = Namespace.begun(name, len(self.namespaces) + 1, dimension, embedding, self.now)
        self.transaction.put(Table.NAMESPACES, name.encode(), begun.written())
        self.namespaces[name], self.heads[begun.number] = begun, Head()
        return begun

    def step(self, namespace: Namespace) -> Head:
        """The next position, and its moment."""
        head = self.heads[namespace.number] = self.heads[namespace.number].next(self._now_us)
        return head

    def change(self, namespace: Namespace, change: Change) -> int:
        """Write a change that is no record; its position."""
        head = self.step(namespace)
        self.transaction.put(Table.CHANGES, place(namespace.number, head.position), written(head.at_us, change))
        return head.position
