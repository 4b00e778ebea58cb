"""How the file of a ledger is opened: by one process at a time, as the file of this run, and as this version has it.

Everything that may be wrong with it is said before anything is written to it.
"""

import fcntl
import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from tandem_objects.durable import sync_folder

from tandem_reasoning.ledger import schema
from tandem_reasoning.ledger.errors import DamagedError, FormatError, FullError, InUseError, LedgerError, OtherRunError

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_REFUSED = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
_PRIMARY = 0xFF  # SQLite says more in the bits above

_WAL_BYTES = 64 << 20
"""What a log that a long look made grow is cut to afterwards."""

_BUSY_MS = 100
"""Wait for somebody else who writes, once it is open: it is the event loop that waits."""

_CACHE_KIB = 32 << 10
"""Pages that stay in memory: the items and open bills of 50,000 questions are about 10 MiB."""


@contextmanager
def in_our_words(path: Path) -> Generator[None]:
    """Say what SQLite says of the file in one line.

    Raises:
        DamagedError: when the file is not as it was written.
        FullError: when the disk does not take it.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code in _DAMAGE:
            msg = f"{path} is damaged: {error}; restore it from a snapshot"
            raise DamagedError(msg) from error
        if code in _REFUSED:
            msg = f"{path} cannot be written: {error}; see that its disk is there and has room"
            raise FullError(msg) from error
        if code == sqlite3.SQLITE_BUSY:
            msg = f"{path} is being written by somebody else; stop whoever that is"
            raise InUseError(msg) from error
        raise


def locked(path: Path) -> int:
    """A descriptor that keeps other processes out for as long as it is open: the kernel closes it with this one.

    It is not of the file itself: SQLite's own locks would be lost when it is closed.

    Raises:
        InUseError: when another one has it.
        FullError: when it cannot be made.
    """
    beside = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        msg = f"{beside} cannot be opened: {error.strerror}"
        raise FullError(msg) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        msg = f"{path} is open in another process; stop that one first"
        raise InUseError(msg) from None
    return descriptor


def opened(path: Path, run: str) -> sqlite3.Connection:
    """The ledger of a run, of this version; begun when there is none.

    Raises:
        DamagedError, FormatError, FullError, OtherRunError: when it is not to be opened.
    """
    with in_our_words(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            version = _version(connection, path)
            _check_run(connection, path, run, version)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a commit that was acknowledged is on the disk
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # seldom does a commit wait for the file: see backfill.py
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            _migrate(connection, run, version)
            connection.execute(
                "PRAGMA busy_timeout = 0"
            )  # from now on the loop's thread begins to write, and waits for nobody who does so, too
        except BaseException:
            connection.close()
            raise
    sync_folder(path.parent)
    return connection


def opened_to_read(path: Path) -> sqlite3.Connection:
    """A ledger to look into, while its coordinator writes or after it has ended; of an older version as it is now, brought to this one.

    Raises:
        DamagedError: when it is none.
        FormatError: when it is of a later version, or not yet begun.
        FullError: when it is not there.
    """
    with in_our_words(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
        try:
            return _of_this_version(connection, path)
        except BaseException:
            connection.close()
            raise


def _of_this_version(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The connection itself or, when the file is older, one to a copy in memory: the file may be nobody's to write any more."""
    version = _version(connection, path)
    if not version:
        msg = f"{path} is empty: its run has not begun"
        raise FormatError(msg)
    if version == len(schema.STEPS):
        return connection
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        connection.backup(copy)
        _migrate(copy, "", version)
    except BaseException:
        copy.close()
        raise
    connection.close()
    return copy


def copied(path: Path, into: Path) -> None:
    """Write a ledger as it is now to a single file, while its coordinator goes on writing; the file is whole or not there.

    Raises:
        FullError: when it does not fit there.
        LedgerError: when it cannot be copied for another reason.
    """
    begun = into.with_name(f"{into.name}.partial")
    begun.unlink(missing_ok=True)
    try:
        with closing(opened_to_read(path)) as source, in_our_words(into), closing(sqlite3.connect(begun, isolation_level=None)) as target:
            target.execute("PRAGMA journal_mode = OFF")  # what does not come to its end is removed
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # all is in the one file
        with begun.open("rb") as written:
            os.fsync(written.fileno())
        begun.replace(into)
    except sqlite3.Error as error:
        msg = f"{path} cannot be copied: {error}"
        raise LedgerError(msg) from error
    finally:
        begun.unlink(missing_ok=True)
    sync_folder(into.parent)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version that a file has; 0 when it is new."""
    ((application,), (version,), (tables,)) = (
        connection.execute(f"{question}").fetchone()
        for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if tables and application != schema.APPLICATION_ID:
        msg = f"{path} is no ledger of Tandem, but another database; name another file"
        raise DamagedError(msg)
    if version > len(schema.STEPS):
        msg = f"{path} was written by a later version ({version}; this one reads up to {len(schema.STEPS)}); use that one"
        raise FormatError(msg)
    return version


def _check_run(connection: sqlite3.Connection, path: Path, run: str, version: int) -> None:
    """Refuse a file of another run, and one whose pages do not hold together."""
    if not version:
        return
    (first, *_) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if first != "ok":
        msg = f"{path} is damaged: {' '.join(first.split())}; restore it from a snapshot"
        raise DamagedError(msg)
    (uid,) = connection.execute("SELECT uid FROM run").fetchone()
    if uid != run:
        msg = f"{path} is the ledger of run {uid}, not of {run}; name another file"
        raise OtherRunError(msg)


def _migrate(connection: sqlite3.Connection, run: str, version: int) -> None:
    """Bring a file to this version, all steps at once or none."""
    if version == len(schema.STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in (each for step in schema.STEPS[version:] for each in step):
            connection.execute(statement)
        if not version:
            connection.execute("INSERT INTO run (uid) VALUES (?)", (run,))
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(schema.STEPS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
