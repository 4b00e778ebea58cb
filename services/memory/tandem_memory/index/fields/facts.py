"""What pruning is told of records, as arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tandem_memory.index.fields.columns import Columns
from tandem_memory.index.rows import Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Fields of records that are there, each array in the order of `positions`.

    Attributes:
        positions: The records.
        source: Of each the number of its source in `sources`.
        sources: Names.
        score: NaN where it was not said.
        at: When it was made, nanoseconds since 1970.
        times: How often it was used.
        gain: Sum of the gains of its uses.
        utility: Mean of them, 0 without any.
    """

    positions: npt.NDArray[np.uint64]
    source: npt.NDArray[np.int32]
    sources: tuple[str, ...]
    score: npt.NDArray[np.float64]
    at: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    gain: npt.NDArray[np.float64]
    utility: npt.NDArray[np.float64]


def facts(columns: Columns, slots: Slots) -> Facts:
    """What `columns` hold of `slots`, ascending."""
    last = int(slots.max(initial=-1)) + 1
    return Facts(
        positions=columns.position.first(last)[slots],
        source=columns.source.first(last)[slots],
        sources=columns.sources.all(),
        score=columns.score.first(last)[slots],
        at=columns.at.first(last)[slots],
        times=columns.times.first(last)[slots],
        gain=columns.gain.first(last)[slots],
        utility=columns.utility.first(last)[slots],
    )
