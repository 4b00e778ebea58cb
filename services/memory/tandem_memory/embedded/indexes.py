"""The derived indexes, one for each namespace: built from the log, kept up with it, never needed to know what is true."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from tandem_memory.backend import UnknownNamespaceError
from tandem_memory.index import Index
from tandem_memory.store import Added, Effect, Gone, Namespace, Store, Used
from tandem_memory.store.reading import added

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
