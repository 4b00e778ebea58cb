"""The way back of a copy: into an empty folder alone, with every file compared on its way.

What it was taken of has gone on since, and gave cursors and ids that the copy knows nothing of. So the copy is told, before anybody is
served from it, and gives others.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from tandem_objects import NotFound, open_store
from tandem_objects import Store as Objects
from tandem_objects.durable import sync_folder

from tandem_memory.backend import DamagedError, StoreFullError
from tandem_memory.moves.backup import FORMAT, MANIFEST, BackupError, Copy, File
from tandem_memory.store import LOG, FormatError, InUseError, Store

_DRAFT = ".restoring"
_MOST_LOOKED_AT = 10_000  # objects below an address that is none: a hundred copies and more, and not a whole bucket
_MOST_TOLD = 5  # copies that are named: what a person reads
_PIECE = 8 * 1024 * 1024  # read at once


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


def _brought(uri: str, folder: Path, environ: Mapping[str, str]) -> Copy:
    """Made beside its place, and put there when it is whole: what is left of one that was killed is never served."""
    store = open_store(uri, environ)
    manifest = _manifest(store, uri)
    with _made(folder):
        return _filled(folder, store, manifest, uri)


@contextmanager
def _made(folder: Path) -> Generator[None]:
    """Make `folder` and those above it; those that were not there go again when that fails which is done in it."""
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # something else is in it by now
            for each in new:
                each.rmdir()
        raise


def _filled(folder: Path, store: Objects, manifest: dict[str, Any], uri: str) -> Copy:
    draft = folder / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    if any(folder.iterdir()):
        msg = f"folder: {folder} is not empty; give an empty one, so that nothing is mixed or lost"
        raise BackupError(msg)
    # A copy of a cluster has indexes, too, which are known by what the namespaces were; they are built from the log.
    files = [file for each in manifest["files"] if Path((file := File(**each)).path).parts[0] == LOG]
    try:
        for file in files:
            _bring(store, file, draft)
        _begin_again(draft, folder)
        sync_folder(draft / LOG)
        (draft / LOG).rename(folder / LOG)
        sync_folder(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Copy(uri=uri, records=manifest["records"], bytes=sum(file.bytes for file in files))


def _manifest(store: Objects, uri: str) -> dict[str, Any]:
    try:
        manifest = json.loads(store.get(MANIFEST))
    except NotFound:
        raise BackupError(_no_copy(store, uri)) from None
    except ValueError:
        msg = f"uri: the {MANIFEST} of {uri} is not as it was written; use another copy"
        raise BackupError(msg) from None
    if manifest.get("format") != FORMAT:
        msg = f"uri: {uri} is a copy of format {manifest.get('format')}, this program reads {FORMAT}; use the version that made it"
        raise BackupError(msg)
    return manifest


def _no_copy(store: Objects, uri: str) -> str:
    """What is said of an address without a manifest: the copies below it, newest first, if it is where Backup was told to put them."""
    manifests = (
        each.key for each in islice(store.list(""), _MOST_LOOKED_AT) if each.key.count("/") == 1 and each.key.endswith(f"/{MANIFEST}")
    )
    there = sorted(key.removesuffix(f"/{MANIFEST}") for key in manifests)
    if not there:
        return f"uri: {uri} has no {MANIFEST}: it is no copy, or one that was not finished; give the address that Backup answered"
    newest = ", ".join(map(store.address, there[: -_MOST_TOLD - 1 : -1]))
    more = ", ..." if len(there) > _MOST_TOLD else ""
    return f"uri: {uri} is where copies are, and none itself; give the address of one, newest first: {newest}{more}"


def _bring(store: Objects, file: File, folder: Path) -> None:
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


def _begin_again(draft: Path, folder: Path) -> None:
    """Have the copy give other cursors and ids."""
    try:
        store = Store(draft, now=lambda: datetime.now(UTC))
        try:
            store.begin_again()
        finally:
            store.close()
    except (FormatError, DamagedError, InUseError, StoreFullError) as error:
        msg = f"folder: the store that was brought into {folder} cannot be opened ({error}); use another copy, or another folder"
        raise BackupError(msg) from None
