"""The last two commits once more, in a file beside LMDB's, so that a commit waits for one sync of the disk and not for two.

LMDB syncs its data and then the page that says where they begin; with `metasync` off it leaves the second to the next commit's first,
and a power cut may then take back the last commit, or the last two while a third is on its way, but leaves the store whole. What
those wrote is put here and synced while LMDB syncs its data, and done again at the next start where LMDB has not kept it. Each of the
two slots is written over by the next commit but one, whose predecessor's sync has made sure of what was in it.
"""

import itertools
import logging
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

from tandem_objects.durable import sync_folder

from tandem_memory.backend import DamagedError
from tandem_memory.store.disk.errors import FormatError
from tandem_memory.store.disk.opening import DATA
from tandem_memory.store.disk.tables import Table
from tandem_memory.store.disk.transaction import Write

FILE = "redo"
SLOT_BYTES = 2 << 20  # 64 records from each of eight writers; what is larger waits for two syncs, which then are the smaller part

_SLOTS = 2
_TABLES = tuple(Table)  # by number; a table that is added comes last
_NUMBERS = {table: number for number, table in enumerate(_TABLES)}
_HEAD = struct.Struct(">16sQII")  # which store, which transaction, bytes that follow, CRC-32 of all that
_WRITE = struct.Struct(">BHI")  # number of the table, bytes of the key, bytes of the value
_DELETED = 0xFFFFFFFF

_log = logging.getLogger(__name__)


class Redoing:
    """A commit that is being written down."""

    def __init__(self, written: "Future[None]", forget: Callable[[], None]) -> None:
        self._written, self._forget = written, forget

    def done(self) -> bool:
        """Wait for it; whether it is on the disk."""
        return self._written.exception() is None

    def forget(self) -> None:
        """The commit itself has failed: it is not to be done again."""
        if self.done():
            with suppress(OSError):
                self._forget()


class Redo:
    """The open file, for the one thread that writes.

    Args:
        descriptor: Of the file, which has its full length on the disk.
        store: 16 bytes that say which store it belongs to.
    """

    def __init__(self, descriptor: int, store: bytes) -> None:
        self._descriptor, self._store = descriptor, store
        self._thread = ThreadPoolExecutor(1, "memory-redo")

    @classmethod
    def opened(cls, folder: Path, store: bytes) -> Self | None:
        """The file in `folder`, made if need be, with nothing in it: LMDB has to be durable as it is. None where it cannot be made."""
        descriptor = -1
        try:
            descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            missing = _SLOTS * SLOT_BYTES - os.fstat(descriptor).st_size
            if missing > 0:
                # Written, not merely reserved: a later write changes no metadata, so that to sync it is a single write of the disk.
                _put(descriptor, bytes(missing), _SLOTS * SLOT_BYTES - missing)
            for slot in range(_SLOTS):
                _put(descriptor, bytes(_HEAD.size), slot * SLOT_BYTES)
            os.fsync(descriptor)
            sync_folder(folder)
        except OSError as error:
            _log.warning("%s cannot be made (%s): each commit waits for two syncs of the disk", folder / FILE, error.strerror)
            if descriptor >= 0:
                os.close(descriptor)
                with suppress(OSError):
                    (folder / FILE).unlink()
            return None
        return cls(descriptor, store)

    def begin(self, transaction: int, writes: Sequence[Write]) -> Redoing | None:
        """Write a commit down, meanwhile; None when it is too large for that."""
        told = _packed(self._store, transaction, writes)
        if told is None:
            return None
        at = transaction % _SLOTS * SLOT_BYTES
        return Redoing(self._thread.submit(self._write, told, at), lambda: self._write(bytes(_HEAD.size), at))

    def close(self) -> None:
        """Let go of the file."""
        self._thread.shutdown()
        os.close(self._descriptor)

    def _write(self, told: bytes, at: int) -> None:
        _put(self._descriptor, told, at)
        os.fdatasync(self._descriptor)


def check_begun(folder: Path) -> None:
    """Refuse to begin a store in a folder that has lost its data: this file is made after those.

    Raises:
        DamagedError: when there is this file alone.
    """
    data = folder / DATA
    if (folder / FILE).is_file() and not (data.exists() and data.stat().st_size):
        problem = f"is gone or empty, though {FILE} lies beside it; put it back or restore a backup, or remove {folder} to begin anew"
        raise DamagedError(str(data), problem)


def left(folder: Path, store: bytes, after: int) -> Sequence[Sequence[Write]]:
    """What the commits wrote that came right behind transaction `after` of a store, in their order; none where there is no file.

    Raises:
        FormatError: when they wrote into tables that a later version has.
    """
    with suppress(FileNotFoundError):
        kept = (folder / FILE).read_bytes()
        commits = dict[int, Sequence[Write]]()
        for slot in range(_SLOTS):
            transaction, writes = _unpacked(store, kept[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES])
            if writes is not None:
                commits[transaction] = writes
            elif transaction > after:
                _log.warning("%s: transaction %d is passed over: not whole, as where power is cut meanwhile", folder / FILE, transaction)
        following = itertools.takewhile(commits.__contains__, itertools.count(after + 1))
        return [commits[transaction] for transaction in following]
    return ()


def _put(descriptor: int, told: bytes, at: int) -> None:
    rest = memoryview(told)
    while rest:
        written = os.pwrite(descriptor, rest, at)
        at, rest = at + written, rest[written:]


def _packed(store: bytes, transaction: int, writes: Sequence[Write]) -> bytes | None:
    """A slot's bytes; None when they are more than a slot holds."""
    parts, size = list[bytes](), _HEAD.size
    for table, key, kept in writes:
        kept_bytes = 0 if kept is None else len(kept)
        parts += (_WRITE.pack(_NUMBERS[table], len(key), _DELETED if kept is None else kept_bytes), key, kept or b"")
        size += _WRITE.size + len(key) + kept_bytes
        if size > SLOT_BYTES:
            return None
    body = b"".join(parts)
    return _HEAD.pack(store, transaction, len(body), _sum(store, transaction, body)) + body


def _unpacked(store: bytes, slot: bytes) -> tuple[int, Sequence[Write] | None]:
    """What `_packed` put into a slot, and of which transaction, 0 if of none of this store; None when it is not whole."""
    if len(slot) < _HEAD.size:
        return 0, None
    whose, transaction, size, told = _HEAD.unpack_from(slot)
    body = slot[_HEAD.size : _HEAD.size + size]
    if whose != store:
        return 0, None
    if len(body) < size or _sum(store, transaction, body) != told:
        return transaction, None
    return transaction, tuple(_writes(body))


def _writes(body: bytes) -> Iterator[Write]:
    at = 0
    while at < len(body):
        table, key_bytes, kept_bytes = _WRITE.unpack_from(body, at)
        key_at = at + _WRITE.size
        kept_at = key_at + key_bytes
        at = kept_at + (0 if kept_bytes == _DELETED else kept_bytes)
        if table >= len(_TABLES):
            msg = f"the last commits wrote into table {table}, which this version does not know: start the version that wrote them"
            raise FormatError(msg)
        yield _TABLES[table], body[key_at:kept_at], None if kept_bytes == _DELETED else body[kept_at:at]


def _sum(store: bytes, transaction: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(store + transaction.to_bytes(8, "big")))
