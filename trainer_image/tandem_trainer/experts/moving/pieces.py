"""In which pieces the pairs of a visit are worked on, so that working memory has one size, however many tokens chose an expert. Pure.

Where an expert's pairs are cut follows from their number alone, and from nobody it shares a slot with: its gradient is summed in the
same order, to the last bit, wherever it is computed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Pairs of one expert in a piece.

    Attributes:
        place: Where in the slot the expert is.
        own: Which pairs of the piece.
        begin: How many pairs of the expert come before them.
        share: One over the number of all pairs that the expert has in this visit.
        first: Whether its pairs begin here.
        last: Whether they end here.
    """

    place: int
    own: slice
    begin: int
    share: float
    first: bool
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Pairs `begin` to `end` of a visit."""

    begin: int
    end: int
    parts: tuple[Part, ...]


def pieces(ends: Sequence[int], most: int) -> Iterator[Piece]:
    """The pairs of a visit, at most `most` at a time.

    Args:
        ends: Where the pairs of each place end; those of the first begin at 0.
        most: What the working memory holds; experts with more than that have several turns, small ones share one.
    """
    begin, parts = 0, list[Part]()
    for place, own in _cuts(ends, most):
        if parts and own.stop - begin > most:
            yield Piece(begin=begin, end=own.start, parts=tuple(parts))
            parts = []
        begin = begin if parts else own.start
        parts.append(_part(place, own, begin, ends))
    if parts:
        yield Piece(begin=begin, end=ends[-1], parts=tuple(parts))


def _cuts(ends: Sequence[int], most: int) -> Iterator[tuple[int, slice]]:
    """Each place and some of its pairs."""
    for place, (begin, end) in enumerate(pairwise((0, *ends))):
        for start in range(begin, end, most):
            yield place, slice(start, min(start + most, end))


def _part(place: int, own: slice, begin: int, ends: Sequence[int]) -> Part:
    whole = slice(ends[place - 1] if place else 0, ends[place])
    return Part(
        place=place,
        own=slice(own.start - begin, own.stop - begin),
        begin=own.start - whole.start,
        share=1 / (whole.stop - whole.start),
        first=own.start == whole.start,
        last=own.stop == whole.stop,
    )
