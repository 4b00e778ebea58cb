"""How the slots of removed records are won back: those that are left move together, under new slots. Positions stay.

Rows are written into a new file, segments without removed records are kept under new slots, others are made anew, and cells are
begun again. What is added, removed or judged meanwhile is taken over in the last step, the only one that a writer waits for.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tandem_memory.index.arrangement import TAIL, arranged
from tandem_memory.index.kept import files
from tandem_memory.index.kept.packing import chosen
from tandem_memory.index.looks.segment import Segment
from tandem_memory.index.rows import Settled, Slots
from tandem_memory.index.view import View

_PART = 0.5  # of all slots: so that what is copied is never more than what was removed since the last time


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A compaction that is done but for putting it in place.

    Attributes:
        count: How many slots there were.
        kept: Those of them that were alive.
        sealed: How many of the kept are in segments.
        rows: The rows of the kept, in a file.
        segments: Under new slots.
    """

    count: int
    kept: Slots
    sealed: int
    rows: Settled
    segments: tuple[Segment, ...]


def worthwhile(view: View) -> bool:
    """Whether enough slots can be won back."""
    return view.dead >= max(TAIL, _PART * view.count)


def prepare(view: View, folder: Path) -> Prepared:
    """Do all that can be done while others go on.

    Raises:
        OSError: nothing has changed.
    """
    alive = view.columns.alive.first(view.count).copy()
    kept = np.flatnonzero(alive)
    path = files.new(folder, "rows", "f32")
    folder.mkdir(parents=True, exist_ok=True)
    files.append_rows(path, 0, (view.rows.take(kept[at : at + files.BLOCK_ROWS]) for at in range(0, len(kept), files.BLOCK_ROWS)))
    rows = files.mapped(path, len(kept), view.rows.dimension)
    segments: list[Segment] = []
    for segment in view.segments:
        there = alive[segment.slots]
        whole = (segment,) if there.all() else arranged(view.rows, view.columns, segment.slots[there])
        segments.extend(replace(each, slots=np.searchsorted(kept, each.slots), stored=[]) for each in whole)
    return Prepared(
        count=view.count,
        kept=kept,
        sealed=int(np.searchsorted(kept, view.sealed)),
        rows=Settled(path=path, rows=rows, sums=files.sums(rows)),
        segments=tuple(segments),
    )


def compacted(view: View, prepared: Prepared) -> View:
    """`view`, which may have changed since, with what was prepared in place."""
    slots = np.concatenate([prepared.kept, np.arange(prepared.count, view.count)])
    columns = chosen(view.columns, slots)
    dead = len(slots) - int(np.count_nonzero(columns.alive.first(len(slots))))
    return View(
        rows=view.rows.settle(prepared.rows, prepared.count),
        columns=columns,
        count=len(slots),
        dead=dead,
        judged=view.judged,
        sealed=prepared.sealed,
        segments=prepared.segments,
        arrangement=view.arrangement + 1,
    )
