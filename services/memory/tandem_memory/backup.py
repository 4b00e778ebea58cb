"""Copies of the store in an object store, and the way back: the manifest is written last, so what has one is whole.

A copy is taken of the store as it is at one moment, next to it on the disk, and then sent away file by file. The manifest says
size and digest of each; a copy is only ever brought back into an empty folder, and every file is compared on its way.
"""

import asyncio
import hashlib
import json
import mmap
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tandem_objects import NotFound, Store, open_store

from tandem_memory.backend import Backend

_MANIFEST = "manifest.json"
_FORMAT = 1
_PREFIX = ".backup-"
_PIECE = 8 * 1024 * 1024  # read at once on the way back


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
class _File:
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


def restored(uri: str, folder: Path, environ: Mapping[str, str]) -> Copy:
    """Bring the copy at `uri` back into `folder`, which must be empty or absent.

    Raises:
        BackupError: when the copy is not whole, or there is something in the folder, or it cannot be written.
        tandem_objects.ObjectError: when it cannot be read.
    """
    try:
        return _brought(uri, folder, environ)
    except OSError as error:
        msg = f"folder: {folder} cannot be written ({error.strerror}); give an empty one, on a disk with room"
        raise BackupError(msg) from None


def swept(scratch: Path) -> None:
    """Remove what a process left in `scratch` that was killed over a copy; nobody else may be making one there."""
    for left in scratch.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def _brought(uri: str, folder: Path, environ: Mapping[str, str]) -> Copy:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        msg = f"folder: {folder} is not empty; give an empty one, so that nothing is mixed or lost"
        raise BackupError(msg)
    store = open_store(uri, environ)
    manifest = _manifest(store, uri)
    files = [_File(**each) for each in manifest["files"]]
    for file in files:
        _bring(store, file, folder)
    _synced(folder)
    return Copy(uri=uri, records=manifest["records"], bytes=sum(file.bytes for file in files))


def _sent(folder: Path, store: Store, records: int) -> Copy:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [_send(path, path.relative_to(folder).as_posix(), name, store) for path in paths]
    manifest = {"format": _FORMAT, "records": records, "files": [asdict(file) for file in files]}
    if not store.put_if_absent(f"{name}/{_MANIFEST}", json.dumps(manifest, indent=1).encode()):
        msg = f"uri: {store.address(name)} is there already; try again"
        raise BackupError(msg)
    return Copy(uri=store.address(name), records=records, bytes=sum(file.bytes for file in files))


def _send(path: Path, relative: str, name: str, store: Store) -> _File:
    size = path.stat().st_size
    if not size:  # there is no mapping nothing
        store.put(f"{name}/{relative}", b"")
        return _File(path=relative, bytes=0, sha256=hashlib.sha256().hexdigest())
    with path.open("rb") as file:
        # Not closed by hand: what was sent from it may still be held by an error on its way up, and is let go with that.
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    store.put_large(f"{name}/{relative}", data)
    return _File(path=relative, bytes=size, sha256=hashlib.sha256(data).hexdigest())


def _manifest(store: Store, uri: str) -> dict[str, Any]:
    try:
        manifest = json.loads(store.get(_MANIFEST))
    except NotFound:
        msg = f"uri: {uri} has no {_MANIFEST}: it is no copy, or one that was not finished; give the address that Backup answered"
        raise BackupError(msg) from None
    except ValueError:
        msg = f"uri: the {_MANIFEST} of {uri} is not as it was written; use another copy"
        raise BackupError(msg) from None
    if manifest.get("format") != _FORMAT:
        msg = f"uri: {uri} is a copy of format {manifest.get('format')}, this program reads {_FORMAT}; use the version that made it"
        raise BackupError(msg)
    return manifest


def _bring(store: Store, file: _File, folder: Path) -> None:
    path = folder / file.path
    if not path.resolve().is_relative_to(folder.resolve()):
        msg = f"{file.path}: leads out of the folder; this is no copy of ours"
        raise BackupError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as out:
        for start in range(0, file.bytes, _PIECE):
            piece = store.get_range(file.path, start, min(_PIECE, file.bytes - start))
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != file.sha256:
        path.unlink()
        msg = f"{store.address(file.path)}: sha256 {digest.hexdigest()}, the manifest says {file.sha256}; use another copy"
        raise BackupError(msg)


def _synced(folder: Path) -> None:
    """Have the names of the files on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
