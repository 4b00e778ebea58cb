"""How an index gets to know what the log says: from where it is to the log's end. Doing so twice changes nothing."""

from collections.abc import Iterator
from typing import assert_never

from tandem_memory.index import Index
from tandem_memory.store import Added, Effect, Gone, Namespace, Store, Used, reading

_BATCH = 4096  # records, or changes; with 768 dimensions about 12 MB


def take(index: Index, effect: Effect) -> None:
    """Have `index` know of one thing that happened."""
    match effect:
        case Added():
            index.add(effect.positions, effect.vectors, effect.records)
        case Gone():
            index.remove(effect.positions)
        case Used():
            index.judge(effect.position, effect.times, effect.gain)
        case _:
            assert_never(effect)


def replay(store: Store, namespace: Namespace, index: Index) -> None:
    """Have `index` know all that the log says behind what it covers."""
    end = store.head(namespace)
    for effect in _since(store, namespace, index.covers):
        take(index, effect)
    index.covers = end


def _since(store: Store, namespace: Namespace, after: int) -> Iterator[Effect]:
    """First the records, as they are used by now; then what was removed and judged, of those that were there before, too."""
    yield from _added(store, namespace, after)
    while True:
        with store.reading() as transaction:
            effects, until = reading.effects(transaction, namespace, after, _BATCH)
        if until == after:
            return
        yield from effects
        after = until


def _added(store: Store, namespace: Namespace, after: int) -> Iterator[Added]:
    while True:
        with store.reading() as transaction:
            part = reading.added(transaction, namespace, after, _BATCH)
        if part is None:
            return
        yield part
        after = int(part.positions[-1])
