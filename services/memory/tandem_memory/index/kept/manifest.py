"""What a snapshot consists of, in one file that is replaced in one step."""

import json
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from tandem_objects.durable import sync_folder

from tandem_memory.index.kept import files
from tandem_memory.index.kept.errors import SnapshotError
from tandem_memory.index.looks.reach import Effort, Far, Reach, Thin
from tandem_memory.index.stored import Stored

_FORMAT, _BEFORE = 2, 1  # before, there was a graph in place of the cells: it is left out
_CELLS_FORM = 2  # how cells are made, and what is said of them: those of another form are left out, and made anew
_NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCells:
    """Cells in a file.

    Attributes:
        stored: The file.
        covers: The slots that they cover.
        measured: What they covered when their reach was measured.
        reach: How far to look in them; None where scanning is no further.
    """

    stored: Stored
    covers: int
    measured: int
    reach: Reach | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of a snapshot, and what their contents mean.

    Attributes:
        dimension: Components of a row.
        count: Slots.
        covers: The position up to which everything in the log is in it.
        sealed: Slots below are in segments.
        rows: Name of the file of the rows; it may be longer.
        sums: Checksum of each block of them.
        columns: Fields by slot.
        segments: Rows at 4 bits.
        cells: None where there are none of the form that is searched here.
    """

    dimension: int
    count: int
    covers: int
    sealed: int
    rows: str
    sums: tuple[int, ...]
    columns: Stored
    segments: tuple[Stored, ...]
    cells: KeptCells | None

    def names(self) -> frozenset[str]:
        """Of all files that belong to the snapshot."""
        stored = (self.columns, *self.segments, *(() if self.cells is None else (self.cells.stored,)))
        return frozenset((_NAME, self.rows, *(each.path.name for each in stored)))


def write(folder: Path, manifest: Manifest) -> None:
    """Make `manifest` the one of `folder`, durably."""
    cells = manifest.cells
    text = json.dumps(
        {
            "format": _FORMAT,
            "dimension": manifest.dimension,
            "count": manifest.count,
            "covers": manifest.covers,
            "sealed": manifest.sealed,
            "rows": manifest.rows,
            "sums": manifest.sums,
            "columns": _entry(manifest.columns),
            "segments": [_entry(stored) for stored in manifest.segments],
            "cells": None if cells is None else [_entry(cells.stored), cells.covers, cells.measured, _told(cells.reach), _CELLS_FORM],
        }
    )
    beside = folder / f"{_NAME}-{secrets.token_hex(4)}"
    files.written(beside, lambda path: path.write_text(f"{text}\n{zlib.crc32(text.encode())}\n"))
    beside.replace(folder / _NAME)
    sync_folder(folder)


def read(folder: Path) -> Manifest:
    """The manifest of `folder`.

    Raises:
        SnapshotError: there is none, or not as it was written, or of a format that this program does not know.
    """
    said = _checked(folder / _NAME)
    return Manifest(
        dimension=said["dimension"],
        count=said["count"],
        covers=said["covers"],
        sealed=said["sealed"],
        rows=said["rows"],
        sums=tuple(said["sums"]),
        columns=_stored(folder, said["columns"]),
        segments=tuple(_stored(folder, entry) for entry in said["segments"]),
        cells=_cells(folder, said.get("cells")),
    )


def _checked(path: Path) -> dict[str, Any]:
    try:
        text, checksum = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise SnapshotError(path, "cannot be read") from error
    if checksum != str(zlib.crc32(text.encode())):
        raise SnapshotError(path, "not as it was written")
    said = json.loads(text)
    if said["format"] not in (_BEFORE, _FORMAT):
        raise SnapshotError(path, f"of format {said['format']}, this program reads {_BEFORE} and {_FORMAT}")
    return said


def _cells(folder: Path, said: Sequence[Any] | None) -> KeptCells | None:
    if said is None or said[-1] != _CELLS_FORM:
        return None
    entry, covers, measured, reach, _ = said
    return KeptCells(stored=_stored(folder, entry), covers=covers, measured=measured, reach=_reach(reach))


def _told(reach: Reach | None) -> Sequence[Any] | None:
    if reach is None:
        return None
    efforts = [each and (each.gap, each.cells, each.finds) for each in (reach.few, reach.many, reach.thin and reach.thin.effort)]
    return efforts, reach.few.far and astuple(reach.few.far), reach.thin and reach.thin.share


def _reach(told: Sequence[Any] | None) -> Reach | None:
    if told is None:
        return None
    (few, many, thin), far, share = told
    far = far and Far(*far)
    return Reach(Effort(*few, far=far), many and Effort(*many, far=far), share and Thin(share, thin and Effort(*thin)))


def _entry(stored: Stored) -> tuple[str, int, int]:
    return stored.path.name, stored.size, stored.checksum


def _stored(folder: Path, entry: Sequence[Any]) -> Stored:
    name, size, checksum = entry
    return Stored(path=folder / name, size=size, checksum=checksum)
