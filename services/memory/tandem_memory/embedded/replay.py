"""How an index gets to know what the log says: from where it is to the log's end. Doing so twice changes nothing."""

import logging
from collections.abc import Iterator
from typing import assert_never

from tandem_memory.index import Index
from tandem_memory.store import Added, Effect, Gone, Namespace, Store, Used, reading

_log = logging.getLogger(__name__)

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
    """Have `index` know all that the log says behind what it covers. A record that is damaged is left out, and said.

    Raises:
        DamagedError: when a later change is damaged, so that it is not known what became of older records.
    """
    end = store.head(namespace)
    for part in _added(store, namespace, index.covers):
        take(index, part)
    if index.covers:  # records come with their use, so that one that begins with them needs to hear of nothing else
        for effect in _others(store, namespace, index.covers):
            take(index, effect)
    index.covers = end


def _added(store: Store, namespace: Namespace, after: int) -> Iterator[Added]:
    while True:
        with store.reading() as transaction:
            part = reading.added(transaction, namespace, after, _BATCH)
        for damage in part.damages:
            _log.error("a record of namespace %r is not found any more: %s; `tandem memory check` says what else", namespace.name, damage)
        if not part.looked:
            return
        yield part.added
        after = part.until


def _others(store: Store, namespace: Namespace, after: int) -> Iterator[Effect]:
    while True:
        with store.reading() as transaction:
            effects, until = reading.effects(transaction, namespace, after, _BATCH)
        if until == after:
            return
        yield from effects
        after = until
