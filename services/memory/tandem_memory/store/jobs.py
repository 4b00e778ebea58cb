"""What can be done to a store: take in records, remove them, book what they were good for."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from google.protobuf.message import DecodeError
from tandem.memory.v1.memory_pb2 import Change, Judged, Pruned, Record, Use

from tandem_memory.backend import Appended, CursorError, DamagedError, Origin
from tandem_memory.rules import logged
from tandem_memory.rules.uses import judge
from tandem_memory.store.disk.room import KEPT_BYTES, KEPT_FOR_REMOVALS_BYTES
from tandem_memory.store.disk.seal import unproven, unsealed
from tandem_memory.store.disk.tables import Table, named, packed, place, unpacked
from tandem_memory.store.disk.transaction import Transaction
from tandem_memory.store.draft import Added, Draft, Gone, Used
from tandem_memory.store.entries import parsed, written
from tandem_memory.store.forgetting import forget, use_of
from tandem_memory.store.namespace import Namespace

_IDS_A_CHANGE = 10_000  # about 80 KB, so that Watch can hand it on in one message

_Done_co = TypeVar("_Done_co", covariant=True)


class Job(Protocol[_Done_co]):
    """Something to be done within a group."""

    @property
    def weight_bytes(self) -> int:
        """About how much it writes."""
        ...

    @property
    def leaves_bytes(self) -> int:
        """How much room of the disk it must leave."""
        ...

    def apply(self, draft: Draft) -> _Done_co:
        """Do it; refuse it before anything is written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Take in records.

    Attributes:
        namespace: Where to.
        records: Each with its vector.
        embedding: What made the vectors.
        back: Whether times and use are taken from the records.
    """

    namespace: str
    records: Sequence[Record]
    embedding: str
    back: bool = False
    weight_bytes: int = field(init=False)
    leaves_bytes: int = field(init=False, default=KEPT_BYTES)

    def __post_init__(self) -> None:
        """Weigh the records, once."""
        object.__setattr__(self, "weight_bytes", sum(record.ByteSize() for record in self.records))

    def apply(self, draft: Draft) -> Sequence[Appended]:
        """Take in those whose key is not known.

        Raises:
            DimensionError, EmbeddingError: for vectors that do not belong here.
        """
        namespace = self._namespace(draft)
        new, told = list[tuple[int, bytes, Record]](), list[Appended]()
        for record in self.records:
            there = _known(draft.transaction, namespace, record.key) if record.key else None
            if there is None:
                new.append(self._take(draft, namespace, record))
            told.append(Appended(id=str(new[-1][0] if there is None else there), known=there is not None))
        if new:
            draft.effects.append(_added(namespace, new))
            forget(draft, namespace, len(new))
        return told

    def _namespace(self, draft: Draft) -> Namespace:
        dimensions = [len(record.vector) // logged.FLOAT_BYTES for record in self.records]
        known = draft.namespaces.get(self.namespace)
        logged.check(dimensions, self.embedding, known.origin if known else Origin(dimension=dimensions[0], embedding=self.embedding))
        return known or draft.begin(self.namespace, dimensions[0], self.embedding)

    def _take(self, draft: Draft, namespace: Namespace, record: Record) -> tuple[int, bytes, Record]:
        head, vector = draft.step(namespace), record.vector
        key, own = place(namespace.number, head.position), logged.kept(record, head.at_us, back=self.back)
        draft.transaction.put(Table.VECTORS, key, vector)
        draft.transaction.put(Table.RECORDS, key, written(head.at_us, own))
        if record.key:
            draft.transaction.put(Table.KEYS, named(namespace.number, record.key), packed(head.position))
        return head.position, vector, own


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Remove records.

    Attributes:
        namespace: Where from.
        positions: Of the records; those that are gone already are let be.
    """

    namespace: str
    positions: Sequence[int]
    leaves_bytes: int = field(init=False, default=0)

    @property
    def weight_bytes(self) -> int:
        """A removal touches a few tables for each record."""
        return 100 * len(self.positions)

    def apply(self, draft: Draft) -> Sequence[int]:
        """Remove those that are there; their positions.

        Raises:
            UnknownNamespaceError: when there is no such namespace.
        """
        namespace = draft.namespace(self.namespace)
        removed = [position for position in self.positions if _remove(draft, namespace, position)]
        for begin in range(0, len(removed), _IDS_A_CHANGE):
            pruned = Pruned(ids=[str(position) for position in removed[begin : begin + _IDS_A_CHANGE]])
            draft.change(namespace, Change(pruned=pruned))
        if removed:
            draft.effects.append(Gone(namespace=namespace, positions=removed))
        return removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Book what recalling records was good for.

    Attributes:
        namespace: Where they are.
        judged: What was told.
    """

    namespace: str
    judged: Sequence[Judged]
    leaves_bytes: int = field(init=False, default=KEPT_FOR_REMOVALS_BYTES)

    @property
    def weight_bytes(self) -> int:
        """The judgement, and the record's use as it is then."""
        return 200 * len(self.judged)

    def apply(self, draft: Draft) -> int:
        """Book what is new and of records that are there; how many that were.

        Raises:
            UnknownNamespaceError: when there is no such namespace.
            CursorError: for an id that was never given.
        """
        namespace = draft.namespace(self.namespace)
        positions = [position_of(judged.id, draft.heads[namespace.number].position) for judged in self.judged]
        booked = sum(_book(draft, namespace, *each) for each in zip(positions, self.judged, strict=True))
        if booked:
            forget(draft, namespace, booked)
        return booked


def position_of(identifier: str, last: int) -> int:
    """The position that an id names.

    Raises:
        CursorError: when it cannot have been given by a log that has come to `last`.
    """
    position = position_in(identifier, last)
    if position is None:
        msg = f"{identifier!r} is no id of this namespace, which has come to {last}"
        raise CursorError(msg)
    return position


def position_in(identifier: str, last: int) -> int | None:
    """The same; None when a log that has come to `last` cannot have given it."""
    if not (identifier.isascii() and identifier.isdecimal() and identifier[0] != "0" and len(identifier) <= len(str(last))):
        return None
    return int(identifier) if int(identifier) <= last else None


def _added(namespace: Namespace, new: Sequence[tuple[int, bytes, Record]]) -> Added:
    vectors = np.frombuffer(b"".join(vector for _, vector, _ in new), "<f4").reshape(len(new), namespace.dimension)
    positions = np.array([position for position, _, _ in new], np.uint64)
    return Added(namespace=namespace, positions=positions, vectors=vectors, records=[kept for _, _, kept in new])


def _known(transaction: Transaction, namespace: Namespace, key: str) -> int | None:
    """The position of the record under a key; a key that leads to none is free."""
    kept = transaction.get(Table.KEYS, named(namespace.number, key))
    position = None if kept is None else unpacked(kept)
    return None if position is None or not transaction.has(Table.RECORDS, place(namespace.number, position)) else position


def _remove(draft: Draft, namespace: Namespace, position: int) -> bool:
    """Take a record out of all tables; whether it was there. That its judgements were told stays known, until that is forgotten.

    A damaged one is removed as well; where its key cannot be read, that leads to nothing from then on.
    """
    key = place(namespace.number, position)
    kept = draft.transaction.get_sealed(Table.RECORDS, key)
    if kept is None:
        return False
    name = _name(draft.transaction, namespace, position, kept)
    for table in (Table.RECORDS, Table.VECTORS, Table.USE, Table.FOLDED):
        draft.transaction.delete(table, key)
    if name is not None:
        draft.transaction.delete(Table.KEYS, name)
    return True


def _name(transaction: Transaction, namespace: Namespace, position: int, kept: bytes) -> bytes | None:
    """What leads to a record in the table of keys; what a damaged one says counts if it does lead there."""
    try:
        said = parsed(Record, unsealed(Table.RECORDS, place(namespace.number, position), kept)).key
        return named(namespace.number, said) if said else None
    except DamagedError:
        with suppress(DecodeError, DamagedError):
            name = named(namespace.number, parsed(Record, unproven(kept)).key)
            return name if transaction.get(Table.KEYS, name) == packed(position) else None
        return None


def _book(draft: Draft, namespace: Namespace, position: int, judged: Judged) -> bool:
    """Book one judgement; whether it is new and of a record that is there, which one that is damaged is not."""
    told = named(namespace.number, judged.key)
    use = None if judged.key and draft.transaction.has(Table.TOLD, told) else _use(draft.transaction, namespace, position)
    if use is None:
        return False
    judge(use, judged)
    draft.transaction.put(Table.USE, place(namespace.number, position), use.SerializeToString())
    at = draft.change(namespace, Change(judged=judged))
    if judged.key:
        draft.transaction.put(Table.TOLD, told, packed(at))
    draft.effects.append(Used(namespace=namespace, position=position, times=use.times, gain=use.gain))
    return True


def _use(transaction: Transaction, namespace: Namespace, position: int) -> Use | None:
    """The use of a record; None where it is not there or damaged."""
    key = place(namespace.number, position)
    with suppress(DamagedError):
        kept = transaction.get(Table.RECORDS, key)
        return None if kept is None else use_of(parsed(Record, kept), transaction.get(Table.USE, key))
    return None
