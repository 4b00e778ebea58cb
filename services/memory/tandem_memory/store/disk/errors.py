"""Why a store is not opened, beyond what every backend may say, and what LMDB says, in the service's words."""

import errno
from pathlib import Path

import lmdb

from tandem_memory.backend import DamagedError, StoreFullError

# LMDB reports a write that was cut short by a full disk as EIO. After all of these a later write may do.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})

# What LMDB says when a page is not what it must be.
DAMAGE = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.BadValsizeError, lmdb.InvalidError, lmdb.BadTxnError)


class FormatError(Exception):
    """The folder holds something that this version cannot open."""


class NoStoreError(Exception):
    """There is no store in the folder that was given; a line with the fix."""


class InUseError(Exception):
    """Another process has the store open: it knows positions that this one would give a second time."""


def meaning(folder: Path, error: lmdb.Error) -> Exception:
    """What LMDB says of the files in a folder, in the service's words."""
    if isinstance(error, lmdb.PanicError):
        return StoreFullError(f"{folder}: the disk broke off a write")
    if isinstance(error, DAMAGE):
        return DamagedError(str(folder), str(error))
    full = error.code in FULL or isinstance(error, lmdb.ReadonlyError)
    return StoreFullError(f"{folder} cannot be written: {error}") if full else error
