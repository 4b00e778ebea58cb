"""How much room a store has on its disk, and how much of that nothing new may take, so that a full disk can be emptied again.

LMDB writes a page that changes to another place, and uses the old one again two commits later: even a removal takes room before it
gives any. A record that is removed changes at most eight pages of 4 KiB (a leaf and its branch in each of four tables), so that the
smallest part of a large removal (`FEWEST` records) takes 2 MiB, with the list of what is free. Twice that is kept for removals alone,
and as much again for judgements, which records are removed by.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from tandem_memory.backend import StoreFullError
from tandem_memory.store.disk.opening import DATA
from tandem_memory.store.disk.transaction import Transaction

FEWEST = 64  # records of a removal that is done in parts
KEPT_FOR_REMOVALS_BYTES = 4 << 20
KEPT_BYTES = 8 << 20  # from new records

_BLOCK_BYTES = 512  # in which stat(2) counts


def check_room(folder: Path, transaction: Transaction, *, takes_bytes: int, leaves_bytes: int) -> None:
    """Refuse what would leave less than it must.

    Args:
        folder: Where the files are.
        transaction: The store as it is before.
        takes_bytes: About how much is to be written.
        leaves_bytes: What must be left then; 0 for what may take the last.

    Raises:
        StoreFullError: when there is less.
    """
    free = _free_bytes(folder)
    if not leaves_bytes or free >= takes_bytes + leaves_bytes:
        return
    left = free + max(_unused_bytes(folder, transaction), 0)
    if left < takes_bytes + leaves_bytes:
        kept = f"{leaves_bytes >> 20} MiB are kept, so that records can be removed"
        msg = f"{folder} cannot be written: its disk has room for {left >> 20} MiB, and {kept}"
        raise StoreFullError(msg)


def check_spare(folder: Path, takes_bytes: int) -> None:
    """Refuse to put files beside a store that would take what is kept for it.

    Raises:
        OSError: when they would; ENOSPC, as if they had been written.
    """
    if not _spares(folder.parent, takes_bytes):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_copy(folder: Path, into: Path, transaction: Transaction) -> None:
    """Refuse a copy of a store, in a folder on its own disk, that would take what is kept for it; one that was removed is kept nothing.

    Raises:
        StoreFullError: when it would.
    """
    takes_bytes = transaction.used_bytes()
    if folder.exists() and into.stat().st_dev == folder.stat().st_dev and not _spares(into, takes_bytes):
        msg = f"{into} cannot be written: a copy takes {takes_bytes >> 20} MiB, and what is kept of this disk is for removals"
        raise StoreFullError(msg)


def _spares(folder: Path, takes_bytes: int) -> bool:
    """Whether a disk can be written so much, and has left what is kept."""
    return _free_bytes(folder) >= takes_bytes + KEPT_BYTES


def _free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _unused_bytes(folder: Path, transaction: Transaction) -> int:
    """What the file has on the disk and does not use: freed pages, and what writes left that a full disk broke off."""
    with suppress(FileNotFoundError):
        return (folder / DATA).stat().st_blocks * _BLOCK_BYTES - transaction.used_bytes()
    return 0
