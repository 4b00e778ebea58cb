"""How records and changes are read out of one transaction."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from tandem.memory.v1.memory_pb2 import Change, Record

from tandem_memory.backend import CursorTooOldError, DamagedError, OnDamage
from tandem_memory.store.disk.seal import located, unsealed
from tandem_memory.store.disk.tables import Table, place, placed, prefix, unpacked
from tandem_memory.store.disk.transaction import Transaction
from tandem_memory.store.draft import Added, Gone, Used
from tandem_memory.store.entries import as_kept, moment_us, parsed
from tandem_memory.store.forgetting import use_of
from tandem_memory.store.namespace import Head, Namespace


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a reader is in a log.

    Attributes:
        position: Of the last change that it was told of; 0 before the first.
        since: Position of the last change that the log had forgotten when the reader began there, with nothing: what records
            were judged up to then came with them, and what was removed up to then it has never heard of. So it misses none of that.
    """

    position: int
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a log.

    Attributes:
        changes: In their order; what was appended and is gone again is left out.
        until: Where who has read it is.
        damages: What is not as it was written, and is not among the changes.
        more: Whether it ends before what is there does.
    """

    changes: Sequence[Change]
    until: Spot
    damages: Sequence[DamagedError] = ()
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Records that are as they were written.

    Attributes:
        added: The records.
        damages: What is wrong with the others.
        until: Position of the last record that was looked at.
        looked: How many were.
    """

    added: Added
    damages: Sequence[DamagedError]
    until: int
    looked: int


def namespaces(transaction: Transaction) -> dict[str, Namespace]:
    """All there are, by name."""
    return {key.decode(): Namespace.parsed(value) for key, value in transaction.walk(Table.NAMESPACES)}


def head(transaction: Transaction, namespace: Namespace) -> Head:
    """How far the log has come: its last change is there, since what removes a record comes after it; or else it was restored since."""
    heads = [Head(namespace.least)]
    for table in (Table.RECORDS, Table.CHANGES):
        found = transaction.last_sealed(table, place(namespace.number + 1, 0))
        if found is not None and placed(found[0])[0] == namespace.number:
            heads.append(Head(placed(found[0])[1], _moment_us(table, *found)))
    return Head(max(each.position for each in heads), max(each.at_us for each in heads))


def forgotten(transaction: Transaction, namespace: Namespace) -> int:
    """Position of the last change that the log has forgotten; 0 when it knows all."""
    kept = transaction.get(Table.FORGOTTEN, prefix(namespace.number))
    return 0 if kept is None else unpacked(kept)


def record(transaction: Transaction, namespace: Namespace, position: int, *, vectors: bool) -> Record | None:
    """A record with its use; None when it is not there."""
    key = place(namespace.number, position)
    kept = transaction.get(Table.RECORDS, key)
    return None if kept is None else _whole(transaction, key, kept, vectors=vectors)


def packed(transaction: Transaction, namespace: Namespace, position: int, *, vectors: bool) -> bytes | None:
    """The same as it is on the wire; only a record that was judged is read for it.

    What stands behind a message there is merged into it: https://protobuf.dev/programming-guides/encoding/#last-one-wins
    """
    key = place(namespace.number, position)
    kept = transaction.get(Table.RECORDS, key)
    if kept is None:
        return None
    if transaction.has(Table.USE, key):
        return _whole(transaction, key, kept, vectors=vectors).SerializeToString()
    left_out = Record(id=str(position), vector=vector(transaction, key) if vectors else b"")
    return as_kept(kept) + left_out.SerializeToString()


def records(
    transaction: Transaction, namespace: Namespace, after: int = 0, *, vectors: bool = False, damaged: OnDamage | None = None
) -> Iterator[Record]:
    """All records behind a position, with their use; `damaged` hears of those that are not as they were written.

    Raises:
        DamagedError: at such a record, when nobody hears of it; at a page that is broken, whoever does.
    """
    for key, kept in transaction.walk_sealed(Table.RECORDS, place(namespace.number, after + 1), place(namespace.number + 1, 0)):
        try:
            whole = _whole(transaction, key, unsealed(Table.RECORDS, key, kept), vectors=vectors)
        except DamagedError as damage:
            if damaged is None:
                raise
            damaged(damage)
        else:
            yield whole


def added(transaction: Transaction, namespace: Namespace, after: int, most: int) -> Sound:
    """The first `most` records behind a position, as an index takes them; those that are damaged are named, and left out."""
    read, vectors, damages, looked = list[Record](), list[bytes](), list[DamagedError](), 0
    first, before = place(namespace.number, after + 1), place(namespace.number + 1, 0)
    for key, kept in islice(transaction.walk_sealed(Table.RECORDS, first, before), most):
        after, looked = placed(key)[1], looked + 1
        try:
            each = _whole(transaction, key, unsealed(Table.RECORDS, key, kept), vectors=False)
            vectors.append(vector(transaction, key))
            read.append(each)
        except DamagedError as damage:
            damages.append(damage)
    part = Added(
        namespace=namespace,
        positions=np.array([int(each.id) for each in read], np.uint64),
        vectors=np.frombuffer(b"".join(vectors), "<f4").reshape(len(read), namespace.dimension),
        records=read,
    )
    return Sound(added=part, damages=damages, until=after, looked=looked)


def effects(transaction: Transaction, namespace: Namespace, after: int, most: int) -> tuple[Sequence[Gone | Used], int]:
    """What the first `most` changes behind a position that are no records mean for an index, and the position of the last of them."""
    found = list[Gone | Used]()
    for key, kept in islice(transaction.walk(Table.CHANGES, place(namespace.number, after + 1), place(namespace.number + 1, 0)), most):
        after = placed(key)[1]
        change = parsed(Change, kept)
        if change.HasField("pruned"):
            found.append(Gone(namespace=namespace, positions=[int(each) for each in change.pruned.ids]))
        else:
            judged = record(transaction, namespace, int(change.judged.id), vectors=False)
            if judged is not None:
                found.append(Used(namespace=namespace, position=int(judged.id), times=judged.use.times, gain=judged.use.gain))
    return found, after


def vector(transaction: Transaction, key: bytes) -> bytes:
    """The vector of a record that is there.

    Raises:
        DamagedError: when the vector is not.
    """
    kept = transaction.get(Table.VECTORS, key)
    if kept is None:
        raise DamagedError(located(Table.VECTORS, key), "not there, though its record is")
    return kept


def changes(transaction: Transaction, namespace: Namespace, spot: Spot, *, most: int, most_bytes: int, vectors: bool) -> Stretch:
    """What happened behind `spot`: at most `most` changes, and no more once they are `most_bytes` in all.

    Raises:
        CursorTooOldError: when some of it is forgotten.
    """
    after, since = spot.position, _whole_since(transaction, namespace, spot)
    first, before = place(namespace.number, after + 1), place(namespace.number + 1, 0)
    appended = ((key, kept, Table.RECORDS) for key, kept in transaction.walk_sealed(Table.RECORDS, first, before))
    others = ((key, kept, Table.CHANGES) for key, kept in transaction.walk_sealed(Table.CHANGES, first, before))
    found, damages, weight, more = list[Change](), list[DamagedError](), 0, True
    for key, kept, table in heapq.merge(appended, others):
        try:
            value = unsealed(table, key, kept)
            found.append(_appended(transaction, key, value, vectors=vectors) if table is Table.RECORDS else parsed(Change, value))
        except DamagedError as damage:
            damages.append(damage)
        after, weight = placed(key)[1], weight + len(kept) + (4 * namespace.dimension if vectors else 0)
        if len(found) + len(damages) >= most or weight >= most_bytes:
            break
    else:  # all that is there was read: behind it may be positions that were never given
        after, more = max(after, namespace.least), False
    return Stretch(changes=found, until=Spot(after, since), damages=damages, more=more)


def _whole_since(transaction: Transaction, namespace: Namespace, spot: Spot) -> int:
    past = forgotten(transaction, namespace)
    since = spot.since if spot.position else past
    if past > max(spot.position, since):
        raise CursorTooOldError(spot.position, past)
    return since


def _moment_us(table: Table, key: bytes, kept: bytes) -> int:
    """When the change was made; the beginning of time if that is not known any more."""
    try:
        return moment_us(unsealed(table, key, kept))
    except DamagedError:
        return 0


def _appended(transaction: Transaction, key: bytes, kept: bytes, *, vectors: bool) -> Change:
    """A record as it was appended: judgements are changes of their own, but for those that are forgotten."""
    change = Change(appended=parsed(Record, kept))
    judged = transaction.get(Table.FOLDED, key)
    if judged is not None:
        change.appended.use.CopyFrom(use_of(change.appended, judged))
    _complete(transaction, key, change.appended, vectors=vectors)
    return change


def _whole(transaction: Transaction, key: bytes, kept: bytes, *, vectors: bool) -> Record:
    found = parsed(Record, kept)
    judged = transaction.get(Table.USE, key)
    if judged is not None:
        found.use.CopyFrom(use_of(found, judged))
    _complete(transaction, key, found, vectors=vectors)
    return found


def _complete(transaction: Transaction, key: bytes, found: Record, *, vectors: bool) -> None:
    found.id = str(placed(key)[1])
    if vectors:
        found.vector = vector(transaction, key)
