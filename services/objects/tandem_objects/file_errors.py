"""What an error of the file system means for a store, in one line each."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tandem_objects.errors import AccessDenied, NotFound, ObjectError, StoreFull

NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP})  # what link(2) says where a file system has none

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_CLASH = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR}


@contextmanager
def explained(path: Path, *, writing: bool = False) -> Generator[None]:
    """Turn any OSError into the ObjectError that says what it means for the object at `path`."""
    try:
        yield
    except OSError as error:
        raise _meaning(error, path, writing=writing) from error


def no_hard_links(path: Path) -> ObjectError:
    """The error for a directory that cannot commit."""
    return ObjectError(f"{path.parent} is on a file system without hard links, which commits need: use another directory or s3://")


def _meaning(error: OSError, path: Path, *, writing: bool) -> ObjectError:
    if error.errno in _FULL:
        return StoreFull(f"{path} does not fit on its disk ({_reason(error)}): make room or use another directory")
    if error.errno in _DENIED:
        done = "written" if writing else "read"
        return AccessDenied(f"{path} may not be {done} by user {os.getuid()} ({_reason(error)}): {_denied_fix(error)}")
    if writing and error.errno in _CLASH:
        return ObjectError(f"{path} cannot be written: one key cannot be the folder of another ({_reason(error)}); use another name")
    if writing and error.errno == errno.ENOENT:
        return AccessDenied(f"{path} cannot be written: no folder can be made there ({_reason(error)}): use a directory on a disk")
    if error.errno == errno.ENOENT or error.errno in _CLASH:
        return NotFound(f"{path} does not exist: check the address and the key")
    return ObjectError(f"{path} cannot be {'written' if writing else 'read'} ({_reason(error)}): check its disk", retryable=True)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _denied_fix(error: OSError) -> str:
    return "mount it for writing" if error.errno == errno.EROFS else "change its permissions or use another directory"
