"""The derived indexes, one for each namespace: what is searched, never what is true.

Each is read from its snapshot and taken on to the end of the log; where there is no snapshot, or it is damaged, the index is
built from the log alone.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter, Finding

from tandem_memory.backend import DamagedError, UnknownNamespaceError
from tandem_memory.embedded.replay import replay, take
from tandem_memory.index import Index, SnapshotError
from tandem_memory.store import Effect, Namespace, Store, reading
from tandem_memory.store.disk.room import check_spare
from tandem_memory.store.disk.tables import Table, place

_ALL = Filter()
_A_CHANGE = 3  # times its vector: itself, at 4 bits, in cells, which are written anew with each tenth, and its columns
_LOOKS = 3
_APPLIED_S, _AGAIN_S = 10.0, 0.01  # a group that is durable is in the index before that, however busy the machine is

_log = logging.getLogger(__name__)


class Indexes:
    """What is searched."""

    def __init__(self, store: Store, folder: Path) -> None:
        """Make all ready.

        Args:
            store: Whose log it is.
            folder: Where the snapshots are.
        """
        self._store, self._folder = store, folder
        self._saved, self._failed = dict[str, int](), set[str]()
        self._indexes = {name: self._ready(namespace) for name, namespace in store.namespaces.items()}

    @property
    def all(self) -> Mapping[str, Index]:
        """Every index, by the name of its namespace."""
        return self._indexes

    def of(self, name: str) -> Index:
        """The index of a namespace.

        Raises:
            UnknownNamespaceError: when there is no such namespace.
        """
        found = self._indexes.get(name)
        if found is None:
            raise UnknownNamespaceError(name)
        return found

    def learn(self, effects: Sequence[Effect]) -> None:
        """Take in what has become durable; every search that begins after this sees it.

        An index that fails at it is built anew from the log the next time. That raises what it failed with.
        """
        touched = {effect.namespace.name: effect.namespace for effect in effects}
        failed, self._failed = self._failed, self._failed | touched.keys()  # until all has gone well
        for name in failed:
            self._replace(name, self._built(self._store.namespace(name)))
        indexes = {name: self._begun(namespace) for name, namespace in touched.items()}
        for effect in effects:
            take(indexes[effect.namespace.name], effect)
        for name, index in indexes.items():
            index.covers = self._store.head(touched[name])
            self._replace(name, index)
        self._failed = set[str]()

    def catch_up(self) -> None:
        """Take in what is in the log and was not told of, as after a disk that broke off a write and took it all the same."""
        for name, namespace in self._store.namespaces.items():
            index = self._begun(namespace)
            if name not in self._failed and index.covers < self._store.head(namespace):
                self._failed.add(name)  # until it has gone well
                index = self._taken_on(namespace, index)
                self._replace(name, index)
                self._failed.remove(name)

    def save(self, name: str) -> None:
        """Write a snapshot of an index.

        Raises:
            OSError: the snapshot that was there, if any, still is. So it is when it might take what the log keeps free for removals.
        """
        index = self._indexes[name]
        covers = index.covers
        check_spare(self._folder, _A_CHANGE * 4 * index.dimension * self.unsaved(name))
        index.save(self._place(self._store.namespace(name)))
        self._saved[name] = covers

    def unsaved(self, name: str) -> int:
        """How many changes came after the snapshot of an index."""
        return self._indexes[name].covers - self._saved.get(name, 0)

    def differing(self, name: str, records: npt.NDArray[np.uint64]) -> Iterator[Finding]:
        """Where the index does not hold what the log did when it had these records.

        The log may have gone on since: what differs is looked up again in both, until they agree or cannot any more.
        """
        namespace, give_up_s = self._store.namespace(name), time.monotonic() + _APPLIED_S
        for position in np.setxor1d(records, self._begun(namespace).matching(_ALL)).tolist():
            if all(self._differs(namespace, position, give_up_s) for _ in range(_LOOKS)):
                yield Finding(namespace=name, where=f"index {namespace.number}/{position}", what="not what the log says")

    def _differs(self, namespace: Namespace, position: int, give_up_s: float) -> bool:
        with self._store.reading() as transaction:
            there = transaction.has(Table.RECORDS, place(namespace.number, position))
            head = reading.head(transaction, namespace).position  # as far as this look goes, of which the store may hear a moment later
        while self._begun(namespace).covers < head and time.monotonic() < give_up_s:
            time.sleep(_AGAIN_S)
        return there != (len(self._begun(namespace).columns((position,)).positions) > 0)

    def _begun(self, namespace: Namespace) -> Index:
        """The index of a namespace; an empty one while its first records are on their way."""
        found = self._indexes.get(namespace.name)
        return Index(namespace.dimension) if found is None else found

    def _replace(self, name: str, index: Index) -> None:
        if self._indexes.get(name) is not index:
            self._indexes = {**self._indexes, name: index}  # anew: others may be going over the old one

    def _built(self, namespace: Namespace) -> Index:
        index = Index(namespace.dimension)
        replay(self._store, namespace, index)
        return index

    def _taken_on(self, namespace: Namespace, index: Index) -> Index:
        """An index that knows all that the log says: this one, unless it has slept through what the log has forgotten."""
        if index.covers and index.covers < self._store.forgotten(namespace):
            _log.info("the index of namespace %r is built anew: what was removed since its snapshot is forgotten", namespace.name)
            return self._built(namespace)
        replay(self._store, namespace, index)
        return index

    def _ready(self, namespace: Namespace) -> Index:
        index = self._snapshot(namespace)
        if index is not None:
            try:
                return self._taken_on(namespace, index)
            except DamagedError as damage:
                _log.warning("the index of namespace %r is built from its records alone: %s", namespace.name, damage)
        index = self._built(namespace)
        self._saved[namespace.name] = index.covers - len(index)  # that many records the next start would read again
        return index

    def _snapshot(self, namespace: Namespace) -> Index | None:
        folder = self._place(namespace)
        if not folder.exists():
            return None
        try:
            index = Index.load(folder, namespace.dimension)
        except SnapshotError as damage:
            _log.warning("the index of namespace %r is built from the log: %s", namespace.name, damage)
            return None
        if index.covers > self._store.head(namespace):
            _log.warning("the index of namespace %r is built from the log: its snapshot is of a longer log", namespace.name)
            return None
        self._saved[namespace.name] = index.covers
        return index

    def _place(self, namespace: Namespace) -> Path:
        return self._folder / namespace.identity
