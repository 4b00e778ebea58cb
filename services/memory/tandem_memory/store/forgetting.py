"""When a log forgets: that a record was removed or judged, and the key it was told under, once that is older than anybody needs it.

A record stays in its log for as long as it is there. A removal or a judgement is kept for a stated time: a caller who tells it again
until then is recognised, and a watcher whose cursor is as old goes on without a gap. Later the record knows what it was judged,
and a watcher that comes with such a cursor is told to begin anew. As a log grows it forgets, at most two changes for each that is
added, so that a commit is never held up, and what waits to be forgotten becomes less.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from tandem.memory.v1.memory_pb2 import Change, Record, Use

from tandem_memory.backend import DamagedError
from tandem_memory.rules.uses import judge
from tandem_memory.store.disk.seal import unsealed
from tandem_memory.store.disk.tables import Table, named, packed, place, placed, prefix
from tandem_memory.store.disk.transaction import Transaction
from tandem_memory.store.draft import Draft
from tandem_memory.store.entries import moment_us, parsed
from tandem_memory.store.namespace import Namespace

_FOR_EACH = 2  # changes that are forgotten for one that is added: more than one, or a backlog would stay
_MOST_BYTES = 1 << 20  # of changes that one job forgets: a large removal is 80 KB


def forget(draft: Draft, namespace: Namespace, added: int) -> None:
    """Forget the oldest changes that need not be kept, for `added` that came; never the last of a log, which says how far it has come.

    What is damaged is kept, and all behind it, for a check to find.
    """
    last = 0
    with suppress(DamagedError):
        for position, change in tuple(_due(draft, namespace, _FOR_EACH * added)):
            _forget(draft.transaction, namespace, change)
            draft.transaction.delete(Table.CHANGES, place(namespace.number, position))
            last = position
    if last:
        draft.transaction.put(Table.FORGOTTEN, prefix(namespace.number), packed(last))


def use_of(record: Record, kept: bytes | None) -> Use:
    """A record's use: as it was judged, or else as it came with."""
    return record.use if kept is None else Use.FromString(kept)


def _due(draft: Draft, namespace: Namespace, most: int) -> Iterator[tuple[int, Change]]:
    """The oldest changes, as long as they need not be kept."""
    weight, first, before = 0, prefix(namespace.number), place(namespace.number, draft.heads[namespace.number].position)
    with suppress(DamagedError):
        for key, kept in islice(draft.transaction.walk_sealed(Table.CHANGES, first, before), most):
            value = unsealed(Table.CHANGES, key, kept)
            weight += len(value)
            if moment_us(value) >= draft.kept_from_us or weight > _MOST_BYTES:
                return
            yield placed(key)[1], parsed(Change, value)


def _forget(transaction: Transaction, namespace: Namespace, change: Change) -> None:
    if not change.HasField("judged"):
        return
    key = place(namespace.number, int(change.judged.id))
    kept = transaction.get(Table.RECORDS, key)
    if kept is not None:
        use = use_of(parsed(Record, kept), transaction.get(Table.FOLDED, key))
        judge(use, change.judged)
        transaction.put(Table.FOLDED, key, use.SerializeToString())
    if change.judged.key:
        transaction.delete(Table.TOLD, named(namespace.number, change.judged.key))
