"""How a buffer of slices is cut into chunks, and what a chunk's digest is. Pure.

Few large objects: stores and file systems saturate on requests long before they do on bytes. A chunk carries a digest for
each of its blocks, so that a reader that needs a part of it can verify what it read and nothing else.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import xxhash

from tandem_trainer.checkpoint.layout import Placed, item_bytes

BLOCK: Final = 1 << 20
CHUNK: Final = 32 << 20
SMALLEST: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Numbers of a slice as they lie in one chunk: `count` from `start` on, at byte `offset` of chunk number `chunk`."""

    chunk: int
    start: int
    count: int
    offset: int


def cuts(size: int) -> tuple[slice, ...]:
    """The chunks of a buffer: 32 MiB each, the last one 16 to 48, or all there is when that is less.

    They depend on nothing but the size, so a tensor that does not change lies in the same chunk at the next step.
    """
    borders = [*range(0, size, CHUNK), size]
    if len(borders) > 2 and size - borders[-2] < SMALLEST:  # noqa: PLR2004 - more than one chunk
        del borders[-2]
    return tuple(slice(start, end) for start, end in itertools.pairwise(borders) if end > start)


def held(placed: Placed, extents: Sequence[slice]) -> Iterator[Held]:
    """Where the numbers of a slice went."""
    item = item_bytes(placed.dtype)
    begin, end = placed.offset, placed.offset + placed.bytes
    number = min(begin // CHUNK, len(extents) - 1)
    while begin < end:
        extent = extents[number]
        until = min(end, extent.stop)
        first = placed.start + (begin - placed.offset) // item
        yield Held(chunk=number, start=first, count=(until - begin) // item, offset=begin - extent.start)
        begin, number = until, number + 1


def block_digests(chunk: memoryview) -> tuple[str, ...]:
    """Digest of each block. XXH3 finds damage at the speed of memory; it is no defence against forgery."""
    return tuple(xxhash.xxh3_128_hexdigest(chunk[start : start + BLOCK]) for start in range(0, len(chunk), BLOCK))


def digest(blocks: Iterable[str]) -> str:
    """Digest of a chunk, from those of its blocks: each byte is hashed once."""
    return xxhash.xxh3_128_hexdigest("".join(blocks).encode())
