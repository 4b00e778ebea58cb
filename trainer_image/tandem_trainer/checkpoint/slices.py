"""The unit of a checkpoint: a run of numbers of one named tensor, wherever it happened to live.

A slice says which part of which tensor it holds, never which rank wrote it. That is why a checkpoint can be read by any
number of ranks at any ZeRO stage: a reader asks for the numbers it needs, not for somebody's file. Bytes only: nothing
here knows torch, so the agent can move slices without loading it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """`count` numbers of the flattened `tensor` from number `start` on.

    Attributes:
        tensor: Name, unique in the checkpoint, such as `blocks.0.attention.query.weight/exp_avg`.
        shape: Shape of the whole tensor.
        dtype: Name of its number format, as numpy and torch both spell it (`float32`, `bfloat16`, `int64`).
        start: First number held, counted in the flattened tensor.
        count: How many numbers are held.
        data: Their bytes, contiguous, little-endian; `count` times the size of the format.
        unit: How many numbers of the tensor change together while others do not, such as those of one expert: chunks are cut
            between units. 0 where all of it changes at every step.
    """

    tensor: str
    shape: tuple[int, ...]
    dtype: str
    start: int
    count: int
    data: memoryview
    unit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """Numbers somebody needs back: `out` is filled with those of `tensor` from number `start` on."""

    tensor: str
    start: int
    out: memoryview
