"""Rows at 4 bits a component, in pieces that never change: found roughly, much faster than by multiplying floats, and measured after.

Quantisation is turbovec's, a rotation and one scale for each coordinate (TurboQuant, Zandieh et al., arXiv 2504.19874), fitted to a
sample of the piece. No other thread waits: it lets go of the interpreter, and a piece is complete before anybody sees it. The library
spreads over all cores unless RAYON_NUM_THREADS says otherwise, which is for the process to say, before it is loaded.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from tandem_memory.index.fields.condition import Mask
from tandem_memory.index.looks.near import NOBODY, Near
from tandem_memory.index.rows import Rows, Slots, Vectors
from tandem_memory.index.stored import Stored

MOST = (1 << 15) - 1  # rows of one: among more turbovec takes a rougher look first, which finds a fifth of what lies close together
MIXED = -1  # the owner of a segment that holds rows of several sources, each too few for one of its own

_BITS = 4
_STEP = 8  # turbovec takes dimensions in multiples of this
_SAMPLE = 1024  # rows that calibration looks at: as many as turbovec's documentation calls enough
_PIECE = 1024  # rows that are added at once, about 6 ms: searches get their turn in between


class Scan(Protocol):
    """What turbovec offers; it comes without types."""

    def calibrate(self, sample: Vectors) -> None:
        """Fit to a sample."""
        ...

    def add(self, vectors: Vectors) -> None:
        """Append rows."""
        ...

    def prepare(self) -> None:
        """Lay them out for search."""
        ...

    def search(self, queries: Vectors, k: int, mask: Mask | None = None) -> tuple[Vectors, Slots]:
        """Rough products and numbers of rows, both of shape (queries, at most k), best first."""
        ...

    def to_bytes(self) -> bytes:
        """All of it."""
        ...


class _Library(Protocol):
    def __call__(self, dim: int, bit_width: int) -> Scan: ...

    def from_bytes(self, data: bytes) -> Scan: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """Some rows, for a rough search.

    Attributes:
        owner: The number of the source that all of them are of, or MIXED.
        slots: Whose rows, ascending.
        scan: The rows, in this order.
        stored: Where it is written down; at most one entry, set once it is.
    """

    owner: int
    slots: Slots
    scan: Scan
    stored: list[Stored] = field(default_factory=list[Stored])

    def nearest(self, queries: Vectors, k: int, allowed: Mask | None) -> Near:
        """About the k nearest of each query among the rows that are allowed, with rough cosines."""
        width = -(-queries.shape[1] // _STEP) * _STEP
        cosines, found = self.scan.search(_padded(queries, width), min(k, len(self.slots)), mask=allowed)
        return Near(slots=np.where(found < 0, NOBODY, self.slots[found]), cosines=cosines)


def made(rows: Rows, owner: int, slots: Slots) -> Segment:
    """A segment of the rows at `slots`, of which there is at least one."""
    width = -(-rows.dimension // _STEP) * _STEP
    scan = _library()(width, _BITS)
    if len(slots) >= _SAMPLE:
        sample = np.random.default_rng(0).choice(slots, _SAMPLE, replace=False)
        with suppress(ValueError):  # rows that are all alike: there is nothing to fit
            scan.calibrate(_padded(rows.take(np.sort(sample)), width))
    for at in range(0, len(slots), _PIECE):
        scan.add(_padded(rows.take(slots[at : at + _PIECE]), width))
    scan.prepare()
    return Segment(owner=owner, slots=slots, scan=scan)


def packed(segment: Segment) -> dict[str, npt.NDArray[np.generic]]:
    """A segment as arrays."""
    scan = np.frombuffer(segment.scan.to_bytes(), np.uint8)
    return {"owner": np.array([segment.owner]), "slots": segment.slots, "scan": scan}


def unpacked(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Segment:
    """A segment of what `packed` gave.

    Raises:
        KeyError, ValueError: when it is something else.
    """
    scan = _library().from_bytes(arrays["scan"].tobytes())
    scan.prepare()
    return Segment(owner=int(arrays["owner"].astype(np.int64)[0]), slots=arrays["slots"].astype(np.int64), scan=scan)


def _library() -> _Library:
    from turbovec import TurboQuantIndex  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    return cast("_Library", TurboQuantIndex)


def _padded(rows: Vectors, width: int) -> Vectors:
    return rows if rows.shape[1] == width else np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
