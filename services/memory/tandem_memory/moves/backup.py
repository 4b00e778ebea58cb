"""Copies of the store in an object store: the manifest is written last, so what has one is whole.

A copy is taken of the store as it is at one moment, next to it on the disk, and then sent away file by file. The manifest says
size and digest of each. The way back is in `restoring`.
"""

import asyncio
import hashlib
import json
import mmap
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tandem_objects import Store, open_store

from tandem_memory.backend import Backend

MANIFEST = "manifest.json"
FORMAT = 1
_PREFIX = ".backup-"


class BackupError(Exception):
    """A copy cannot be made or brought back; one line with the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy that is there.

    Attributes:
        uri: Where it begins; what to restore from.
        records: How many it holds.
        bytes: How long its files are together.
    """

    uri: str
    records: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a copy: its path within the store's folder, and what it must be."""

    path: str
    bytes: int
    sha256: str


async def made(backend: Backend, uri: str, scratch: Path, environ: Mapping[str, str]) -> Copy:
    """Copy what `backend` keeps to the store at `uri`, under a name of its own.

    Args:
        backend: Whose records.
        uri: file:// or s3:// address of a folder.
        scratch: A folder on a disk that has room for the copy.
        environ: Where S3 takes its settings from.

    Raises:
        tandem_objects.ObjectError: when it cannot be written there.
        BackupError: when there is no room for it here.
    """
    store = open_store(uri, environ)
    try:
        with TemporaryDirectory(prefix=_PREFIX, dir=scratch) as folder:
            records = await backend.copy(Path(folder))
            return await asyncio.to_thread(_sent, Path(folder), store, records)
    except OSError as error:
        msg = f"{scratch}: the copy cannot be put together there ({error.strerror}); give it room (TANDEM_MEMORY_SCRATCH)"
        raise BackupError(msg) from None


def swept(scratch: Path) -> None:
    """Remove what a process left in `scratch` that was killed over a copy; nobody else may be making one there."""
    for left in scratch.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def _sent(folder: Path, store: Store, records: int) -> Copy:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [_send(path, path.relative_to(folder).as_posix(), name, store) for path in paths]
    manifest = {"format": FORMAT, "records": records, "files": [asdict(file) for file in files]}
    if not store.put_if_absent(f"{name}/{MANIFEST}", json.dumps(manifest, indent=1).encode()):
        msg = f"uri: {store.address(name)} is there already; try again"
        raise BackupError(msg)
    return Copy(uri=store.address(name), records=records, bytes=sum(file.bytes for file in files))


def _send(path: Path, relative: str, name: str, store: Store) -> File:
    size = path.stat().st_size
    if not size:  # there is no mapping nothing
        store.put(f"{name}/{relative}", b"")
        return File(path=relative, bytes=0, sha256=hashlib.sha256().hexdigest())
    with path.open("rb") as file:
        # Not closed by hand: what was sent from it may still be held by an error on its way up, and is let go with that.
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    store.put_large(f"{name}/{relative}", data)
    return File(path=relative, bytes=size, sha256=hashlib.sha256(data).hexdigest())
