"""The derived indexes, one for each namespace: built from the log, kept up with it, never needed to know what is true."""

import time
from collections.abc import Iterator, Sequence
from typing import assert_never

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter, Finding

from tandem_memory.backend import UnknownNamespaceError
from tandem_memory.index import Index
from tandem_memory.store import Added, Effect, Gone, Namespace, Store, Used
from tandem_memory.store.reading import added
from tandem_memory.store.tables import Table, place

_ALL = Filter()
_LOOKS = 3
_APPLIED_S = 0.05  # a group that is durable is in the index before that, or else at the third look
_BATCH = 4096  # records; with 768 dimensions about 12 MB


class Indexes:
    """What is searched."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._indexes = {name: self._built(namespace) for name, namespace in store.namespaces.items()}

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
        """Take in what has become durable; every search that begins after this sees it."""
        for effect in effects:
            name = effect.namespace.name
            index = self._indexes.get(name) or Index(effect.namespace.dimension)
            _take(index, effect)
            index.covers = self._store.head(effect.namespace)
            self._indexes.setdefault(name, index)

    def differing(self, name: str, records: npt.NDArray[np.uint64]) -> Iterator[Finding]:
        """Where the index does not hold what the log did when it had these records.

        The log may have gone on since: what differs is looked up again in both, until they agree or cannot any more.
        """
        namespace, index = self._store.namespace(name), self.of(name)
        for position in np.setxor1d(records, index.matching(_ALL)).tolist():
            if all(self._differs(namespace, index, position) for _ in range(_LOOKS)):
                yield Finding(namespace=name, where=f"index {namespace.number}/{position}", what="not what the log says")

    def _differs(self, namespace: Namespace, index: Index, position: int) -> bool:
        with self._store.reading() as transaction:
            there = transaction.has(Table.RECORDS, place(namespace.number, position))
        found = len(index.columns((position,)).positions) > 0
        if found != there:
            time.sleep(_APPLIED_S)
        return found != there

    def _built(self, namespace: Namespace) -> Index:
        index = Index(namespace.dimension)
        for part in self._parts(namespace):
            _take(index, part)
        index.covers = self._store.head(namespace)
        return index

    def _parts(self, namespace: Namespace) -> Iterator[Added]:
        """All records, some at a time."""
        after = 0
        while True:
            with self._store.reading() as transaction:
                part = added(transaction, namespace, after, _BATCH)
            if part is None:
                return
            yield part
            after = int(part.positions[-1])


def _take(index: Index, effect: Effect) -> None:
    match effect:
        case Added():
            index.add(effect.positions, effect.vectors, effect.records)
        case Gone():
            index.remove(effect.positions)
        case Used():
            index.judge(effect.position, effect.times, effect.gain)
        case _:
            assert_never(effect)
