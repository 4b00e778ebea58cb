"""An LMDB environment that grows by itself, says in the service's words why it cannot write, and comes back from it.

LMDB writes through the file, not through its map, so that a full disk is an error and not a signal. Its map is address space
and no memory; it is taken generously at first and doubled when it is used up. It may only move while nobody reads; while a copy is taken
it does not, for who waited for that would keep all readers waiting: such a write is refused, to be tried again.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lmdb

from tandem_memory.backend import StoreFullError, StoreRemovedError, StoreUnavailableError, StoreUnsureError
from tandem_memory.store.disk.errors import FULL, meaning
from tandem_memory.store.disk.gate import Gate, OccupiedError
from tandem_memory.store.disk.opening import DATA, data_file, existing, locked, opened, records_in
from tandem_memory.store.disk.pages import check_whole
from tandem_memory.store.disk.redo import Redo, Redoing, check_begun, left
from tandem_memory.store.disk.snapshot import Snapshot
from tandem_memory.store.disk.tables import Table
from tandem_memory.store.disk.transaction import Transaction

FIRST_MAP_BYTES = 1 << 36
_IDENTITY = b"identity"

_T = TypeVar("_T")


class Environment:
    """The open files of a store. Reads come from any thread, writes from one at a time."""

    def __init__(self, folder: Path, *, map_bytes: int = FIRST_MAP_BYTES) -> None:
        """Open the files in `folder`, or begin them.

        Raises:
            InUseError: when another process has them open.
            DamagedError: when they are no such files.
            StoreFullError: when there are none, and none can be written.
        """
        self._folder = folder
        self._gate, self._snapshots = Gate(), set[Snapshot]()
        self._shut: str | None = None
        self._redo: Redo | None = None
        self._unsure = False  # whether a commit has failed since all was on the disk for certain
        self._lock: int | None = locked(folder)
        try:
            self._open(map_bytes, first=True)
        except BaseException:
            self._release()
            raise

    def __repr__(self) -> str:
        return f"Environment({str(self._folder)!r})"

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """Read the store as it is now; for a moment, since the map cannot move meanwhile."""
        with self._gate.passing(), self._held.begin() as held:
            yield Transaction(held, self._tables)

    @contextmanager
    def snapshot(self) -> Generator["Snapshot"]:
        """Read the store as it is now, for as long as it takes.

        Pages that are removed meanwhile are not used again before this ends. So it ends as soon as there is no other room for what is
        to be written: whoever reads may begin again.
        """
        with self._gate.passing():
            snapshot = Snapshot(self._gate, self._held.begin(), self._tables)
            self._snapshots.add(snapshot)
        try:
            yield snapshot
        finally:
            self._snapshots.discard(snapshot)
            snapshot.end()

    def write(self, work: Callable[[Transaction], _T]) -> _T:
        """Do `work` in one transaction, and return once it is durable; `work` is done again after the map has grown.

        Raises:
            StoreFullError, StoreUnavailableError: nothing was written; in the second case it may be once a copy is taken.
            StoreUnsureError: it was, and may be gone after a power cut.
        """
        self._check_in_place()
        if not self._writable:
            self._reopen(self._map_bytes)
        turned = False
        while True:
            try:
                return self._written(work)
            except lmdb.MapFullError:
                self._grow()
            except lmdb.Error as error:
                if self._mended() or turned or error.code not in FULL:
                    raise meaning(self._folder, error) from error
                self._end_snapshots()  # what was removed since they began is room, too
                if not self._turned():
                    raise meaning(self._folder, error) from error
                turned = True

    def copy(self, into: Path) -> int:
        """Write all that is there at this moment, without gaps, to files in `into`; how many records that are.

        Raises:
            StoreFullError: when they do not fit there.
        """
        into.mkdir(parents=True, exist_ok=True)
        try:
            with self._gate.passing(to_stay=True):
                self._held.copy(str(into), compact=True)
            return records_in(into)
        except lmdb.Error as error:
            raise meaning(into, error) from error

    def trouble(self) -> str | None:
        """Why nothing can be written any more, whatever room the disk has; None while all is well."""
        if data_file(self._folder) != self._file:
            return self._lost()
        if not os.access(self._folder / DATA, os.W_OK):
            return f"{self._folder} may not be written; let the service write it"
        return self._shut

    def close(self) -> None:
        """Let go of the files; a second time is no harm."""
        with self._gate.alone(wait_long=True):
            self._end_snapshots()
            self._held.close()
        if self._redo is not None:
            self._redo.close()
            self._redo = None
        self._release()

    def _written(self, work: Callable[[Transaction], _T]) -> _T:
        begun: Redoing | None = None
        try:
            with self._held.begin(write=True) as held:
                transaction = Transaction(held, self._tables)
                done = work(transaction)
                self._check_in_place()  # again: before, so that what looks at the folder finds it; now, as it may have gone meanwhile
                begun = self._redo.begin(held.id(), transaction.writes) if self._redo and transaction.writes else None
        except BaseException:
            self._unsure = True
            if begun is not None:
                begun.forget()
            raise
        if transaction.writes and (begun is None or not begun.done()):
            self._unsure = True
        if self._unsure:  # also where nothing was to be written: what was found there already may be what is not certain
            self._make_sure(done)
        return done

    def _make_sure(self, done: object) -> None:
        """Have all that is committed on the disk: also what a write that an error broke off may have made the kernel forget."""
        try:
            self._held.sync(True)  # noqa: FBT003 - lmdb's own signature
        except lmdb.Error as error:
            msg = f"{self._folder}: the disk broke off a write ({error})"
            raise StoreUnsureError(msg, done) from error
        self._unsure = False

    def _turned(self) -> bool:
        """Commit the smallest change there is: what the last commit freed can then be written over. Whether there was room for that."""

        def same_again(transaction: Transaction) -> None:
            for key, value in tuple(transaction.walk(Table.FORMAT)):
                transaction.put(Table.FORMAT, key, value)

        try:
            self._written(same_again)
        except (lmdb.Error, StoreUnsureError):
            return False
        return True

    def _check_in_place(self) -> None:
        """Refuse to write into a file that somebody removed: it is ours to read, but no next start would find what was put into it."""
        if data_file(self._folder) != self._file:
            raise StoreRemovedError(self._lost())

    def _lost(self) -> str:
        return f"{self._folder} lost its {DATA}, somebody removed it; back up what is still served, and restore that"

    def _grow(self) -> None:
        """Double the map."""
        before = self._map_bytes
        self._reopen(before * 2)
        if self._map_bytes <= before:
            msg = f"{self._folder}: no address space for a map of more than {before} bytes"
            raise StoreFullError(msg)

    def _mended(self) -> bool:
        """Open the files anew if LMDB has given them up over a write that broke off half-way: to readers it says so as well."""
        try:
            self._held.begin().abort()
        except lmdb.PanicError:
            self._reopen(self._map_bytes)
            return True
        return False

    def _reopen(self, map_bytes: int) -> None:
        self._check_in_place()
        try:
            with self._gate.alone(wait_long=False):
                self._end_snapshots()
                self._held.close()
                self._writable = False  # where they cannot be opened now, the next write tries again
                self._open(map_bytes)
        except OccupiedError:
            msg = f"{self._folder} has to be opened anew for that, which waits until the backup is taken that is under way"
            raise StoreUnavailableError(msg) from None

    def _open(self, map_bytes: int, *, first: bool = False) -> None:
        try:
            self._begin(map_bytes, first=first)
        except lmdb.Error as error:
            told = meaning(self._folder, error)
            self._shut = f"{self._folder} cannot be opened: {told}"
            raise told from error
        self._shut = None
        self._map_bytes, self._file = self._held.info()["map_size"], data_file(self._folder)

    def _begin(self, map_bytes: int, *, first: bool) -> None:
        """Open the files; at first do again what they lack, with a larger map where that does not fit into this one."""
        if first:
            check_begun(self._folder)
        self._held, self._writable = opened(self._folder, map_bytes)
        try:
            if first:
                check_whole(self._folder, self._held)
                self._redone()
            self._tables = self._all_tables() if self._writable else existing(self._held)
            if first and self._writable and (store := self._identity()):
                self._redo = Redo.opened(self._folder, store)
        except lmdb.MapFullError:
            taken = self._held.info()["map_size"]
            self._held.close()
            if taken < map_bytes:  # there was no more address space
                raise
            self._begin(2 * taken, first=first)
        except BaseException:
            if first:  # or it is there to be read all the same
                self._held.close()
            raise

    def _all_tables(self) -> dict[Table, Any]:
        return {table: self._held.open_db(table.encode()) for table in Table}

    def _redone(self) -> None:
        """Do again what a power cut has taken back of the last commits."""
        tables = existing(self._held)
        if Table.FORMAT not in tables:
            return
        with self._held.begin() as held:
            store = Transaction(held, tables).get(Table.FORMAT, _IDENTITY)
        commits = left(self._folder, store, self._held.info()["last_txnid"]) if store else ()
        if commits and not self._writable:
            msg = f"{self._folder} may not be written, and its last {len(commits)} commits are still to be done again after a power cut"
            raise StoreFullError(msg)
        for writes in commits:
            with self._held.begin(write=True) as held:
                again = Transaction(held, tables)
                for write in writes:
                    again.repeat(write)
        if commits:
            self._held.sync(True)  # noqa: FBT003 - lmdb's own signature

    def _identity(self) -> bytes | None:
        """16 bytes that tell this store from others, given to it once; None while there is no room. With it all tables are made sure of."""
        try:
            with self._held.begin(write=True) as held:
                transaction = Transaction(held, self._tables)
                store = transaction.get(Table.FORMAT, _IDENTITY)
                if store is None:
                    store = os.urandom(16)
                    transaction.put(Table.FORMAT, _IDENTITY, store)
            self._held.sync(True)  # noqa: FBT003 - lmdb's own signature
        except lmdb.Error as error:
            if error.code not in FULL:
                raise
            return None
        return store

    def _end_snapshots(self) -> None:
        for snapshot in tuple(self._snapshots):
            snapshot.end()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
