"""How a buffer of slices is cut into chunks, and what a chunk's digest is. Pure.

Few large objects: stores and file systems saturate on requests long before they do on bytes. A chunk carries a digest for
each of its blocks, so that a reader that needs a part of it can verify what it read and nothing else.

Where only some units of a tensor change between two saves (`Slice.unit`), chunks hold whole units, so that what did not change
need not be uploaded again: a unit that did costs its own bytes and less than `_worth` more.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import xxhash

from tandem_trainer.checkpoint.layout import Placed, item_bytes

BLOCK: Final = 1 << 20
CHUNK: Final = 32 << 20
SMALLEST: Final = 16 << 20
FINEST: Final = 1 << 20
"""A request to a store takes tens of milliseconds, about as long as a mebibyte is on its way: less of it would save nothing."""
MOST: Final = 4096
"""Chunks that a tensor with units is cut into, or one for each 32 MiB of it where those are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Numbers of a slice as they lie in one chunk: `count` from `start` on, at byte `offset` of chunk number `chunk`."""

    chunk: int
    start: int
    count: int
    offset: int


def cuts(size: int, layout: Iterable[Placed] = ()) -> tuple[slice, ...]:
    """The chunks of a buffer: 32 MiB each, the last one 16 to 48, or all there is when that is less; finer where there are units.

    They depend on nothing but sizes, so a tensor that does not change lies in the same chunk at the next step.
    """
    borders = {0, size}.union(*(_between_units(placed) for placed in layout if placed.unit))
    return tuple(extent for start, end in itertools.pairwise(sorted(borders)) for extent in _evenly(start, end))


def held(placed: Placed, extents: Sequence[slice]) -> Iterator[Held]:
    """Where the numbers of a slice went."""
    item = item_bytes(placed.dtype)
    begin, end = placed.offset, placed.offset + placed.bytes
    number = bisect_right(extents, begin, key=lambda extent: extent.start) - 1
    while begin < end:
        extent = extents[number]
        until = min(end, extent.stop)
        first = placed.start + (begin - placed.offset) // item
        yield Held(chunk=number, start=first, count=(until - begin) // item, offset=begin - extent.start)
        begin, number = until, number + 1


def _evenly(start: int, end: int) -> Iterator[slice]:
    borders = [*range(start, end, CHUNK), end]
    if len(borders) > 2 and end - borders[-2] < SMALLEST:  # noqa: PLR2004 - more than one chunk
        del borders[-2]
    return (slice(begin, until) for begin, until in itertools.pairwise(borders))


def _between_units(placed: Placed) -> Iterator[int]:
    """Where a slice begins and ends, and in between every border after as many units as are worth a chunk."""
    item = item_bytes(placed.dtype)
    together = -(-_worth(placed) // (placed.unit * item)) * placed.unit
    first = (placed.start // together + 1) * together
    yield placed.offset
    yield from (placed.offset + (number - placed.start) * item for number in range(first, placed.start + placed.count, together))
    yield placed.offset + placed.bytes


def _worth(placed: Placed) -> int:
    """Bytes that are worth a chunk of their own."""
    return min(max(FINEST, placed.bytes // MOST), CHUNK)


def block_digests(chunk: memoryview) -> tuple[str, ...]:
    """Digest of each block. XXH3 finds damage at the speed of memory; it is no defence against forgery."""
    return tuple(xxhash.xxh3_128_hexdigest(chunk[start : start + BLOCK]) for start in range(0, len(chunk), BLOCK))


def digest(blocks: Iterable[str]) -> str:
    """Digest of a chunk, from those of its blocks: each byte is hashed once."""
    return xxhash.xxh3_128_hexdigest("".join(blocks).encode())
