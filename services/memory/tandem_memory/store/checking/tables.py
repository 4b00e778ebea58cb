"""Whether the tables agree with each other.

What must hold: every value is as it was written; every position of a log, from the last that is forgotten to its end, is a record, a
change, or a record that a change took away; a record has a vector of the right size; a key leads to the record that says it, and a told
judgement to the change that tells it; only records that are there have a use.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from tandem.memory.v1.memory_pb2 import Change, Finding, Record, Use

from tandem_memory.backend import DamagedError
from tandem_memory.rules import logged
from tandem_memory.store.disk.seal import located, unsealed
from tandem_memory.store.disk.snapshot import Snapshot
from tandem_memory.store.disk.tables import Table, place, placed, prefix, unpacked
from tandem_memory.store.disk.transaction import Transaction
from tandem_memory.store.entries import parsed
from tandem_memory.store.namespace import Namespace

_OF_NAMESPACES = (Table.RECORDS, Table.VECTORS, Table.CHANGES, Table.USE, Table.KEYS, Table.TOLD, Table.FORGOTTEN, Table.FOLDED)
_AT_ONCE = 4096  # rows: about 30 ms
_NO_NUMBER = (1 << 32) - 1  # of a namespace

_Message = TypeVar("_Message", Record, Change)
Positions = npt.NDArray[np.uint64]


def strangers(transaction: Transaction, namespaces: Iterable[Namespace]) -> Iterator[Finding]:
    """What belongs to no namespace."""
    numbers = sorted(namespace.number for namespace in namespaces)
    gaps = list(zip([0, *(number + 1 for number in numbers)], [*numbers, _NO_NUMBER], strict=True))
    for table in _OF_NAMESPACES:
        count = sum(1 for first, before in gaps if first < before for _ in transaction.walk_sealed(table, prefix(first), prefix(before)))
        if count:
            yield Finding(where=table, what=f"{count} entries belong to no namespace")


class Comparison:
    """A walk over the tables of one namespace, as they are at one moment; a part at a time, so that nobody who writes waits for it.

    Attributes:
        findings: All that is not as it must be.
        records: The positions of the records that are there, ascending.
    """

    def __init__(self, snapshot: Snapshot, namespace: Namespace) -> None:
        """Walk.

        Raises:
            ReadingLostError: when the moment is lost on the way.
        """
        self._snapshot, self._name = snapshot, namespace.name
        self.findings: list[Finding] = []
        self.records: Positions = np.array([], np.uint64)
        try:
            self._compare(namespace)
        except DamagedError as damage:
            self._note(damage.where, damage.what)

    def _compare(self, namespace: Namespace) -> None:
        records, keyed = self._records(namespace)
        changes, removed, told = self._changes(namespace)
        self.records = records
        self._positions(namespace, self._forgotten(namespace), records, changes, removed)
        self._vectors(namespace, records)
        self._uses(Table.USE, namespace)
        self._uses(Table.FOLDED, namespace)
        self._keys(namespace, keyed)
        self._told(namespace, told)

    def _records(self, namespace: Namespace) -> tuple[Positions, int]:
        """Positions, and how many say a key."""
        positions, keyed = list[int](), 0
        for key, value in self._rows(Table.RECORDS, namespace):
            positions.append(placed(key)[1])
            record = value and self._message(Record, Table.RECORDS, key, value)
            keyed += bool(record and record.key)
        return np.array(positions, np.uint64), keyed

    def _changes(self, namespace: Namespace) -> tuple[Positions, Positions, int]:
        """Positions, those of records that were removed, and how many judgements were told under a key."""
        positions, removed, told = list[int](), list[int](), 0
        for key, value in self._rows(Table.CHANGES, namespace):
            positions.append(placed(key)[1])
            change = value and self._message(Change, Table.CHANGES, key, value)
            if change:
                removed += map(int, change.pruned.ids)
                told += bool(change.judged.key)
        return np.array(positions, np.uint64), np.array(removed, np.uint64), told

    def _forgotten(self, namespace: Namespace) -> int:
        """Up to where a position need not be anything any more."""
        return max((unpacked(value) for _, value in self._rows(Table.FORGOTTEN, namespace) if value), default=0)

    def _positions(self, namespace: Namespace, forgotten: int, *kinds: Positions) -> None:
        """Each position is one thing."""
        every, counts = np.unique(np.concatenate(kinds).astype(np.int64), return_counts=True)
        gaps = np.array([(0, forgotten), *namespace.gaps], np.int64)
        begins, ends = np.concatenate((gaps[:, 0] + 1, every)), np.concatenate((gaps[:, 1], every))
        order = np.argsort(begins, kind="stable")
        reached = np.concatenate(([0], np.maximum.accumulate(ends[order])))
        lacking = begins[order] - 1 - reached[:-1]  # before each of them
        for problem, places, numbers in (
            ("no change is there", reached[:-1][lacking > 0] + 1, lacking[lacking > 0]),
            ("more than one thing is there", every[counts > 1], np.ones(np.count_nonzero(counts > 1), np.int64)),
        ):
            if len(places):
                self._note(f"log {namespace.number}/{places[0]}", f"{problem}, at {numbers.sum()} positions in all")

    def _vectors(self, namespace: Namespace, records: Positions) -> None:
        positions: list[int] = []
        for key, value in self._rows(Table.VECTORS, namespace):
            positions.append(placed(key)[1])
            if value is not None and len(value) != namespace.dimension * logged.FLOAT_BYTES:
                self._note(located(Table.VECTORS, key), f"{len(value)} bytes, not {namespace.dimension} numbers")
        vectors = np.array(positions, np.uint64)
        for position in np.setdiff1d(records, vectors).tolist():
            self._note(located(Table.VECTORS, place(namespace.number, position)), "not there, though its record is")
        for position in np.setdiff1d(vectors, records).tolist():
            self._note(located(Table.VECTORS, place(namespace.number, position)), "there, though its record is not")

    def _uses(self, table: Table, namespace: Namespace) -> None:
        for key, value in self._rows(table, namespace):
            if value is None:
                continue
            try:
                use = Use.FromString(value)
            except DecodeError as error:
                self._note(located(table, key), str(error))
                continue
            if not use.times:
                self._note(located(table, key), "never used")
            if not self._transaction.has(Table.RECORDS, key):
                self._note(located(table, key), "of a record that is not there")

    def _keys(self, namespace: Namespace, keyed: int) -> None:
        met = 0
        for key, value in self._rows(Table.KEYS, namespace):
            met += 1
            record = self._at(Record, Table.RECORDS, namespace, value)
            if value and (record is None or record.key.encode() != key[len(prefix(namespace.number)) :]):
                self._note(located(Table.KEYS, key), f"leads to position {unpacked(value)}, where no record says so")
        if met < keyed:
            self._note(f"{Table.KEYS} {namespace.number}", f"{keyed - met} records say a key that does not lead to them")

    def _told(self, namespace: Namespace, told: int) -> None:
        met = 0
        for key, value in self._rows(Table.TOLD, namespace):
            met += 1
            change = self._at(Change, Table.CHANGES, namespace, value)
            if value and (change is None or change.judged.key.encode() != key[len(prefix(namespace.number)) :]):
                self._note(located(Table.TOLD, key), f"leads to position {unpacked(value)}, where no judgement says so")
        if met < told:
            self._note(f"{Table.TOLD} {namespace.number}", f"{told - met} judgements say a key that does not lead to them")

    def _rows(self, table: Table, namespace: Namespace) -> Iterator[tuple[bytes, bytes | None]]:
        """Keys and values; None, and noted, where a value is not as it was written. Others are looked up in the same transaction."""
        first: bytes | None = prefix(namespace.number)
        while first is not None:
            with self._snapshot.reading() as self._transaction:
                rows = self._transaction.walk_sealed(table, first, prefix(namespace.number + 1))
                for key, kept in islice(rows, _AT_ONCE):
                    yield key, self._value(table, key, kept)
                first = next((key for key, _ in rows), None)

    def _value(self, table: Table, key: bytes, kept: bytes) -> bytes | None:
        try:
            return unsealed(table, key, kept)
        except DamagedError as damage:
            self._note(damage.where, damage.what)
            return None

    def _at(self, kind: type[_Message], table: Table, namespace: Namespace, position: bytes | None) -> _Message | None:
        if position is None:
            return None
        key = place(namespace.number, unpacked(position))
        try:
            value = self._transaction.get(table, key)
        except DamagedError:
            return None
        return None if value is None else self._message(kind, table, key, value)

    def _message(self, kind: type[_Message], table: Table, key: bytes, value: bytes) -> _Message | None:
        try:
            return parsed(kind, value)
        except DecodeError as error:
            self._note(located(table, key), str(error))
            return None

    def _note(self, where: str, what: str) -> None:
        self.findings.append(Finding(namespace=self._name, where=where, what=what))
