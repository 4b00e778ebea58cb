"""Which bytes of which chunks hold the numbers that are wanted. Pure.

Wants may cross slices and chunks that any number of ranks wrote. What lies close together is read together, in whole
blocks, since blocks are what can be verified; what is far apart is not read for the sake of what lies between.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tandem_trainer.checkpoint.chunks import BLOCK
from tandem_trainer.checkpoint.errors import Mismatch
from tandem_trainer.checkpoint.layout import item_bytes
from tandem_trainer.checkpoint.manifest import Manifest, Tensor
from tandem_trainer.checkpoint.slices import Want

# Long enough that a request costs little beside its bytes, short enough that a chunk keeps several threads busy.
LONGEST: Final = 8 * BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes from `offset` of a chunk on that belong into `out`."""

    offset: int
    out: memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One ranged read: bytes `start` to `end` of `chunk`, both at the borders of blocks, and what to take from it."""

    chunk: str
    start: int
    end: int
    pieces: tuple[Piece, ...]

    @property
    def direct(self) -> bool:
        """Whether all of it goes to one place, so that it can be read right there."""
        return len(self.pieces) == 1 and len(self.pieces[0].out) == self.end - self.start


def reads(manifest: Manifest, wants: Iterable[Want]) -> list[Read]:
    """The reads that fill all wants.

    Raises:
        Mismatch: when the checkpoint does not hold a wanted number, or holds it in another format.
    """
    by_chunk: defaultdict[str, list[Piece]] = defaultdict(list)
    for want in wants:
        for chunk, piece in _pieces(manifest, want):
            by_chunk[chunk].extend(_within_windows(piece))
    return [read for chunk, pieces in by_chunk.items() for read in _coalesced(chunk, manifest.chunks[chunk].bytes, pieces)]


def _pieces(manifest: Manifest, want: Want) -> Iterator[tuple[str, Piece]]:
    tensor = manifest.tensors.get(want.tensor)
    if tensor is None:
        msg = f"{manifest.key}: holds no tensor {want.tensor!r}; {_examples(manifest)}"
        raise Mismatch(msg)
    item = item_bytes(tensor.dtype)
    if want.out.nbytes % item or want.out.itemsize not in {1, item}:
        told = f"numbers of {want.out.itemsize} bytes" if want.out.itemsize > 1 else f"{want.out.nbytes} bytes"
        msg = f"{manifest.key}: tensor {want.tensor!r} is {tensor.dtype}, {item} bytes a number; {told} are wanted"
        raise Mismatch(msg)
    if not want.out.nbytes:
        return
    out = want.out.cast("B")
    number, end = want.start, want.start + len(out) // item
    at = max(0, bisect_right(tensor.slices, number, key=lambda stretch: stretch.start) - 1)
    while number < end:
        if not _holds(tensor, at, number):
            msg = f"{manifest.key}: tensor {want.tensor!r} of shape {list(tensor.shape)} has no number {number}"
            raise Mismatch(msg)
        stretch = tensor.slices[at]
        until = min(end, stretch.start + stretch.count)
        target = out[(number - want.start) * item : (until - want.start) * item]
        yield stretch.chunk, Piece(offset=stretch.offset + (number - stretch.start) * item, out=target)
        number, at = until, at + 1


def _holds(tensor: Tensor, at: int, number: int) -> bool:
    if at >= len(tensor.slices):
        return False
    stretch = tensor.slices[at]
    return stretch.start <= number < stretch.start + stretch.count


def _within_windows(piece: Piece) -> Iterator[Piece]:
    """The piece, cut where reads are."""
    start, end = piece.offset, piece.offset + len(piece.out)
    while start < end:
        until = min(end, (start // LONGEST + 1) * LONGEST)
        yield Piece(offset=start, out=piece.out[start - piece.offset : until - piece.offset])
        start = until


def _coalesced(chunk: str, size: int, pieces: list[Piece]) -> Iterator[Read]:
    together: list[Piece] = []
    end = 0  # of the last block that the pieces together touch
    for piece in sorted(pieces, key=lambda piece: piece.offset):
        if together and (piece.offset > end or piece.offset // LONGEST != together[0].offset // LONGEST):
            yield _read(chunk, size, end, together)
            together, end = [], 0
        together.append(piece)
        end = max(end, -(-(piece.offset + len(piece.out)) // BLOCK) * BLOCK)
    if together:
        yield _read(chunk, size, end, together)


def _read(chunk: str, size: int, end: int, pieces: list[Piece]) -> Read:
    return Read(chunk=chunk, start=pieces[0].offset // BLOCK * BLOCK, end=min(end, size), pieces=tuple(pieces))


def _examples(manifest: Manifest) -> str:
    names = sorted(manifest.tensors)
    return f"it holds {len(names)}, such as {', '.join(map(repr, names[:3]))}" if names else "it holds none at all"
