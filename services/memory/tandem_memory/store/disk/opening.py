"""How the files of a store are opened: by one process at a time, and for reading alone where they cannot be written."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import lmdb

from tandem_memory.backend import StoreFullError
from tandem_memory.store.disk.errors import FULL, InUseError
from tandem_memory.store.disk.tables import Table

DATA = "data.mdb"  # LMDB's own name for its one file

_LEAST_MAP_BYTES = 1 << 20  # where address space is scarcer than that, no store is opened
_MOST_READERS = 1024


def locked(folder: Path) -> int:
    """A descriptor that keeps other processes out for as long as it is open: the kernel closes it with this one."""
    try:
        with suppress(FileExistsError):  # which is no folder, as opening it says
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        msg = f"{folder} cannot be opened: {error.strerror}"
        raise StoreFullError(msg) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        msg = f"{folder} is open in another process; stop that one first"
        raise InUseError(msg) from None
    return descriptor


def data_file(folder: Path) -> tuple[int, int] | None:
    """Which file holds the data, by device and number; None when there is none."""
    with suppress(FileNotFoundError):
        found = (folder / DATA).stat()
        return found.st_dev, found.st_ino
    return None


def opened(folder: Path, map_bytes: int) -> tuple[lmdb.Environment, bool]:
    """The environment, and whether it takes writes."""
    try:
        return _with_room(folder, map_bytes, readonly=False), True
    except lmdb.Error as error:
        if error.code not in FULL or not (folder / DATA).exists():
            raise
    return opened_to_read(folder, map_bytes), False


def existing(environment: lmdb.Environment) -> dict[Table, Any]:
    """The tables that are there already."""
    tables = dict[Table, Any]()
    for table in Table:
        with suppress(lmdb.NotFoundError):
            tables[table] = environment.open_db(table.encode(), create=False)
    return tables


def opened_to_read(folder: Path, map_bytes: int = _LEAST_MAP_BYTES) -> lmdb.Environment:
    """The environment of files that nobody writes to; nothing is put beside them."""
    return _with_room(folder, map_bytes, readonly=True)


def records_in(folder: Path) -> int:
    """How many records are in files that nobody writes to."""
    with opened_to_read(folder) as environment:
        records = environment.open_db(Table.RECORDS.encode(), create=False)
        with environment.begin() as held:
            return held.stat(records)["entries"]


def _with_room(folder: Path, map_bytes: int, *, readonly: bool) -> lmdb.Environment:
    while True:
        try:
            # Without LMDB's own lock file where none can be written: this process is the only one, by the lock of the folder.
            return lmdb.Environment(
                str(folder),
                map_size=map_bytes,
                max_dbs=len(Table),
                max_readers=_MOST_READERS,
                readonly=readonly,
                lock=not readonly,
                readahead=False,
                metasync=False,  # see redo.py; who writes makes sure of each commit
            )
        except lmdb.MemoryError:
            map_bytes //= 2
            if map_bytes < _LEAST_MAP_BYTES:
                raise
