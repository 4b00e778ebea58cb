"""What an index writes down so that it need not be built from the log at the next start, and how it is read back.

A folder holds one snapshot: `manifest.json` names its files with their sizes and CRC-32. Rows never change, so that their file
only grows, and a snapshot writes what is new; everything else is written anew under a new name. The manifest is replaced last,
in one step: after a crash the folder holds the snapshot before. Whatever is not as it was written is told as `DamagedError`,
and the log is what everything is built from again.
"""

import json
import os
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tandem_memory.index import files
from tandem_memory.index.columns import Columns
from tandem_memory.index.errors import DamagedError
from tandem_memory.index.packing import packed, unpacked
from tandem_memory.index.rows import Rows, Settled
from tandem_memory.index.view import View

_FORMAT = 1
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was read back.

    Attributes:
        view: The index as it was.
        covers: The position up to which everything in the log is in it.
    """

    view: View
    covers: int


def save(folder: Path, view: View, covers: int) -> Settled:
    """Write `view` into `folder`; the rows as they are in their file now.

    Raises:
        OSError: the snapshot that was there, if any, is there still.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = _save_rows(folder, view)
    columns = folder / f"columns-{secrets.token_hex(4)}.npz"
    arrays = packed(view.columns, view.count)
    manifest = {
        "format": _FORMAT,
        "dimension": view.rows.dimension,
        "count": view.count,
        "covers": covers,
        "rows": rows.path.name,
        "sums": rows.sums,
        "columns": [columns.name, *files.written(columns, lambda file: _save_arrays(file, arrays))],
    }
    _replace_manifest(folder, manifest)
    _sweep(folder, {_MANIFEST, rows.path.name, columns.name})
    return rows


def load(folder: Path, dimension: int) -> Snapshot:
    """What `save` wrote into `folder`.

    Raises:
        DamagedError: there is none, or not as it was written, or of another dimension.
    """
    manifest = _manifest(folder)
    if manifest["dimension"] != dimension:
        raise DamagedError(folder, f"of {manifest['dimension']} dimensions, this namespace has {dimension}")
    rows = files.mapped(folder / manifest["rows"], manifest["count"], dimension)
    if files.sums(rows) != tuple(manifest["sums"]):
        raise DamagedError(folder / manifest["rows"], "not as it was written")
    columns = _load_columns(folder, *manifest["columns"])
    if len(columns) != manifest["count"]:
        raise DamagedError(folder, "rows and columns differ in number")
    settled = Settled(path=folder / manifest["rows"], rows=rows, sums=tuple(manifest["sums"]))
    return Snapshot(view=View(rows=Rows(dimension, settled), columns=columns, count=len(columns)), covers=manifest["covers"])


def _save_rows(folder: Path, view: View) -> Settled:
    """Append to the file that the older rows are in, if it is in `folder`; begin one otherwise."""
    before = view.rows.settled
    known = 0 if before is None or before.path.parent != folder else len(before.rows)
    path = folder / f"rows-{secrets.token_hex(4)}.f32" if before is None or known == 0 else before.path
    files.append_rows(path, 4 * known * view.rows.dimension, (run for _, run in view.rows.runs(known, view.count, files.BLOCK_ROWS)))
    rows = files.mapped(path, view.count, view.rows.dimension)
    return Settled(path=path, rows=rows, sums=files.sums(rows, before.sums if before and known else (), known))


def _save_arrays(file: BinaryIO, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    np.savez(file, allow_pickle=False, **arrays)


def _load_columns(folder: Path, name: str, size: int, checksum: int) -> Columns:
    files.check(folder / name, size, checksum)
    try:
        with np.load(folder / name, allow_pickle=False) as arrays:
            return unpacked(arrays)
    except (KeyError, ValueError, OSError) as error:
        raise DamagedError(folder / name, str(error)) from error


def _replace_manifest(folder: Path, manifest: Mapping[str, object]) -> None:
    text = json.dumps(manifest)
    beside = folder / f"{_MANIFEST}-{secrets.token_hex(4)}"
    files.written(beside, lambda file: file.write(f"{text}\n{zlib.crc32(text.encode())}\n".encode()))
    beside.replace(folder / _MANIFEST)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    try:
        text, checksum = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise DamagedError(path, "cannot be read") from error
    if checksum != str(zlib.crc32(text.encode())):
        raise DamagedError(path, "not as it was written")
    manifest = json.loads(text)
    if manifest["format"] != _FORMAT:
        raise DamagedError(path, f"of format {manifest['format']}, this program reads {_FORMAT}")
    return manifest


def _sweep(folder: Path, kept: set[str]) -> None:
    """Remove what earlier snapshots and broken attempts left; what is mapped stays readable until nobody holds it."""
    for path in folder.iterdir():
        if path.name not in kept:
            with suppress(OSError):  # the next snapshot tries again
                path.unlink()
