"""What can be done to a store: take in records, remove them, book what they were good for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from tandem.memory.v1.memory_pb2 import Change, Judged, Pruned, Record

from tandem_memory import logged
from tandem_memory.backend import Appended, CursorError, Origin
from tandem_memory.store.draft import Added, Draft, Gone, Used
from tandem_memory.store.entries import parsed, written
from tandem_memory.store.forgetting import forget, use_of
from tandem_memory.store.namespace import Namespace
from tandem_memory.store.room import KEPT_BYTES, KEPT_FOR_REMOVALS_BYTES
from tandem_memory.store.tables import Table, named, packed, place, unpacked
from tandem_memory.uses import judge

FLOAT_BYTES = 4
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
            there = draft.transaction.get(Table.KEYS, named(namespace.number, record.key)) if record.key else None
            if there is None:
                new.append(self._take(draft, namespace, record))
            told.append(Appended(id=str(unpacked(there) if there else new[-1][0]), known=there is not None))
        if new:
            draft.effects.append(_added(namespace, new))
            forget(draft, namespace, len(new))
        return told

    def _namespace(self, draft: Draft) -> Namespace:
        dimensions = [len(record.vector) // FLOAT_BYTES for record in self.records]
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


def _remove(draft: Draft, namespace: Namespace, position: int) -> bool:
    """Take a record out of all tables; whether it was there. That its judgements were told stays known, until that is forgotten."""
    key = place(namespace.number, position)
    kept = draft.transaction.get(Table.RECORDS, key)
    if kept is None:
        return False
    record = parsed(Record, kept)
    for table in (Table.RECORDS, Table.VECTORS, Table.USE, Table.FOLDED):
        draft.transaction.delete(table, key)
    if record.key:
        draft.transaction.delete(Table.KEYS, named(namespace.number, record.key))
    return True


def _book(draft: Draft, namespace: Namespace, position: int, judged: Judged) -> bool:
    """Book one judgement; whether it is new and of a record that is there."""
    key, told = place(namespace.number, position), named(namespace.number, judged.key)
    kept = draft.transaction.get(Table.RECORDS, key)
    if kept is None or (judged.key and draft.transaction.has(Table.TOLD, told)):
        return False
    use = use_of(parsed(Record, kept), draft.transaction.get(Table.USE, key))
    judge(use, judged)
    draft.transaction.put(Table.USE, key, use.SerializeToString())
    at = draft.change(namespace, Change(judged=judged))
    if judged.key:
        draft.transaction.put(Table.TOLD, told, packed(at))
    draft.effects.append(Used(namespace=namespace, position=position, times=use.times, gain=use.gain))
    return True
