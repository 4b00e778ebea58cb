"""What one search sees, from its beginning to its end."""

from dataclasses import dataclass

from tandem_memory.index.columns import Columns
from tandem_memory.index.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An index at one moment. Rows and columns may have grown on since: only the first `count` slots are meant.

    Attributes:
        rows: Unit vectors by slot.
        columns: Fields by slot.
        count: How many slots.
    """

    rows: Rows
    columns: Columns
    count: int
