"""What an index writes down so that it need not be built from the log at the next start, and how it is read back.

A folder holds one snapshot: `manifest.json` names its files with their sizes and CRC-32. Rows never change, so that their file
only grows; segments never change, and are written once; columns are small and written anew, and so are cells that have grown
by a tenth. The manifest is replaced last, in one step: after a crash the folder holds the snapshot before. Whatever is not as it was
written is told as `SnapshotError`, and the log is what everything is built from again.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tandem_memory.index.fields.columns import Columns
from tandem_memory.index.kept import files, manifest, packing
from tandem_memory.index.kept.errors import SnapshotError
from tandem_memory.index.kept.manifest import KeptCells, Manifest
from tandem_memory.index.looks import segment
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.segment import Segment
from tandem_memory.index.rows import Rows, Settled
from tandem_memory.index.stored import Stored
from tandem_memory.index.view import View

# Cells are written again, all of them, when they cover so many times the rows that they did, and at least so many more.
_GROWN, _GROWN_BY = 1.1, 4096


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
    arrays = packing.packed(view.columns, view.count)
    said = Manifest(
        dimension=view.rows.dimension,
        count=view.count,
        covers=covers,
        sealed=view.sealed,
        rows=rows.path.name,
        sums=rows.sums,
        columns=files.written(files.new(folder, "columns", "npz"), lambda path: files.write_arrays(path, arrays)),
        segments=tuple(_save_segments(folder, view)),
        cells=_save_cells(folder, view),
    )
    manifest.write(folder, said)
    _sweep(folder, said.names())
    return rows


def load(folder: Path, dimension: int) -> Snapshot:
    """What `save` wrote into `folder`.

    Raises:
        SnapshotError: there is none, or not as it was written, or of another dimension.
    """
    said = manifest.read(folder)
    if said.dimension != dimension:
        raise SnapshotError(folder, f"of {said.dimension} dimensions, this namespace has {dimension}")
    path = folder / said.rows
    settled = Settled(path=path, rows=files.mapped(path, said.count, dimension), sums=said.sums)
    if files.sums(settled.rows) != said.sums:
        raise SnapshotError(path, "not as it was written")
    columns = _load_columns(said)
    view = View(
        rows=Rows(dimension, settled),
        columns=columns,
        count=said.count,
        dead=said.count - int(np.count_nonzero(columns.alive.first(said.count))),
        sealed=said.sealed,
        segments=tuple(_load_segment(stored) for stored in said.segments),
    )
    return Snapshot(view=_with_cells(view, said.cells), covers=said.covers)


def outgrown(cells: Cells) -> bool:
    """Whether they cover so much more than when they were written down that they are to be written again."""
    covered = 0 if cells.stored is None else cells.stored[1]
    return cells.covers >= max(_GROWN * covered, covered + _GROWN_BY)


def _save_rows(folder: Path, view: View) -> Settled:
    """Append to the file that the older rows are in, if it is in `folder`; begin one otherwise."""
    before = view.rows.settled
    known = 0 if before is None or before.path.parent != folder else len(before.rows)
    path = before.path if before is not None and known else files.new(folder, "rows", "f32")
    files.append_rows(path, 4 * known * view.rows.dimension, (run for _, run in view.rows.runs(known, view.count, files.BLOCK_ROWS)))
    rows = files.mapped(path, view.count, view.rows.dimension)
    return Settled(path=path, rows=rows, sums=files.sums(rows, before.sums if before is not None and known else (), known))


def _save_segments(folder: Path, view: View) -> Iterator[Stored]:
    for each in view.segments:
        if not each.stored or each.stored[0].path.parent != folder:
            each.stored[:] = [_save_segment(folder, each)]
        yield each.stored[0]


def _save_segment(folder: Path, each: Segment) -> Stored:
    arrays = segment.packed(each)
    return files.written(files.new(folder, "segment", "npz"), lambda path: files.write_arrays(path, arrays))


def _save_cells(folder: Path, view: View) -> KeptCells | None:
    cells = view.kept_cells
    if cells is None:
        return None
    before = cells.stored
    if before is None or before[0].path.parent != folder or outgrown(cells):
        before = cells.stored = files.written(files.new(folder, "cells", "faiss"), cells.write), cells.covers
    stored, covers = before
    return KeptCells(stored=stored, covers=covers, measured=min(cells.measured, covers), reach=cells.reach)


def _load_columns(said: Manifest) -> Columns:
    try:
        columns = packing.unpacked(files.read_arrays(said.columns))
    except (KeyError, ValueError) as error:
        raise SnapshotError(said.columns.path, str(error)) from error
    if len(columns) != said.count:
        raise SnapshotError(said.columns.path, f"holds {len(columns)} records of {said.count}")
    return columns


def _load_segment(stored: Stored) -> Segment:
    try:
        read = segment.unpacked(files.read_arrays(stored))
    except (KeyError, ValueError) as error:
        raise SnapshotError(stored.path, str(error)) from error
    read.stored.append(stored)
    return read


def _with_cells(view: View, said: KeptCells | None) -> View:
    if said is None:
        return view
    files.check(said.stored)
    try:
        cells = Cells.read(said.stored, said.covers)
    except (IndexError, RuntimeError, ValueError) as error:
        raise SnapshotError(said.stored.path, str(error)) from error
    files.let_go(said.stored.path)
    cells.reach = said.reach
    cells.measured = said.measured
    return replace(view, cells=cells) if cells.measured else replace(view, coming=cells)


def _sweep(folder: Path, kept: frozenset[str]) -> None:
    """Remove what earlier snapshots and broken attempts left; what is mapped stays readable until nobody holds it."""
    for path in folder.iterdir():
        if path.name not in kept:
            with suppress(OSError):  # the next snapshot tries again
                path.unlink()
