"""How a rank's slices lie in one buffer: the rank stages by it, the agent cuts chunks by it."""

from dataclasses import dataclass
from typing import Final

from tandem_trainer.checkpoint.errors import CheckpointError

# Numbers start at multiples of a cache line: fast to copy, and no number of any format is cut by a chunk's border.
ALIGNMENT: Final = 64

ITEM_BYTES: Final = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "uint16": 2,
    "int16": 2,
    "float16": 2,
    "bfloat16": 2,
    "uint32": 4,
    "int32": 4,
    "float32": 4,
    "uint64": 8,
    "int64": 8,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A slice in a buffer: the fields of `Slice`, and at which byte its numbers begin."""

    tensor: str
    shape: tuple[int, ...]
    dtype: str
    start: int
    count: int
    offset: int
    unit: int = 0

    @property
    def bytes(self) -> int:
        """How many bytes the numbers take."""
        return self.count * item_bytes(self.dtype)


def item_bytes(dtype: str) -> int:
    """How many bytes a number takes.

    Raises:
        CheckpointError: for a number format that checkpoints do not know.
    """
    if dtype not in ITEM_BYTES:
        msg = f"dtype {dtype!r}: no number format of checkpoints; use one of {', '.join(ITEM_BYTES)}"
        raise CheckpointError(msg)
    return ITEM_BYTES[dtype]


def aligned(offset: int) -> int:
    """The first place at or after `offset` where numbers may begin."""
    return -(-offset // ALIGNMENT) * ALIGNMENT
