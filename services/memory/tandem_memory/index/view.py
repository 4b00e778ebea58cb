"""What one search sees, from its beginning to its end."""

from dataclasses import dataclass

from tandem_memory.index.fields.columns import Columns
from tandem_memory.index.looks.cells import Cells
from tandem_memory.index.looks.segment import Segment
from tandem_memory.index.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An index at one moment. Rows and columns may have grown on since: only the first `count` slots are meant.

    Slots from `sealed` on, the tail, are in no segment and are searched exactly.

    Attributes:
        rows: Unit vectors by slot.
        columns: Fields by slot.
        count: How many slots.
        dead: How many of them hold records that were removed.
        judged: How often uses were booked: what a filter on them found before may be otherwise now.
        sealed: Every slot below that held a record when it was arranged is in one of the segments.
        segments: Disjoint.
        arrangement: How often the segments were changed.
        solid: How many were dead when every segment was found to hold enough records that are there.
        tidy: The arrangement in which no row was found to share a segment that had better be with the rest of its source.
        cells: Of the slots below their `covers`; None where there are too few, or none have been filled yet.
        coming: Cells that take the place of these once they cover as much, or nearly all if there are none, and are measured.
    """

    rows: Rows
    columns: Columns
    count: int = 0
    dead: int = 0
    judged: int = 0
    sealed: int = 0
    segments: tuple[Segment, ...] = ()
    arrangement: int = 0
    solid: int = 0
    tidy: int = -1
    cells: Cells | None = None
    coming: Cells | None = None

    @property
    def kept_cells(self) -> Cells | None:
        """What a snapshot keeps: those that are searched, or will be for the first time."""
        return self.coming if self.cells is None else self.cells
