"""In which pieces the pairs of a visit are worked on, so that working memory has one size, however many tokens chose an expert. Pure.

An expert with many pairs is worked on by itself, a piece after the other. Small ones with few lie side by side in one piece, which is one
product for all of them: to begin a product each would take ten times as long as the products themselves. Each has as many rows there as
whoever has most, rounded up to a cache line; what fills up counts for nothing.

Where an expert's pairs are cut follows from their number alone, and from nobody it shares a slot with: its gradient is summed in the
same order, to the last bit, wherever it is computed. On a card that holds of the order alone: how a product of several is made there may
follow from how many they are, so that small experts are repeated to the last bit by a run that takes checkpoints at the same steps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tandem_trainer.experts.sizes import whole_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Pairs of one expert, or of several side by side.

    Attributes:
        places: Where in the slot the experts are.
        counts: How many of their pairs these are, expert by expert.
        rows: Rows that each of them has.
        begin: How many pairs of the expert come before these; none where there are several experts.
        whole: All pairs that each expert has in this visit.
        abreast: Whether they are worked on side by side, be it that there is one alone.
    """

    places: slice
    counts: tuple[int, ...]
    rows: int
    begin: int
    whole: tuple[int, ...]
    abreast: bool

    @property
    def first(self) -> bool:
        """Whether the experts' pairs begin here."""
        return self.begin == 0

    @property
    def last(self) -> bool:
        """Whether they end here."""
        return self.begin + self.counts[0] == self.whole[0]


def pieces(counts: Sequence[int], *, most: int, few: int, abreast: int) -> Iterator[Piece]:
    """The pairs of a visit.

    Args:
        counts: How many each place has; none where nothing is to be done.
        most: Rows that the working memory holds.
        few: Who has no more than so many is worked on side by side with neighbours of that kind; not more than `most`, up to a line.
        abreast: So many at once.
    """
    side_by_side = list[int]()
    for place, count in enumerate(counts):
        if side_by_side and not (0 < count <= few and _fit([*side_by_side, count], most, abreast)):
            yield _several(place, side_by_side)
            side_by_side = []
        if 0 < count <= few:
            side_by_side.append(count)
        else:
            yield from _cut(place, count, most)
    if side_by_side:
        yield _several(len(counts), side_by_side)


def _fit(counts: Sequence[int], most: int, abreast: int) -> bool:
    return len(counts) <= abreast and len(counts) * whole_lines(max(counts)) <= most


def _several(end: int, counts: Sequence[int]) -> Piece:
    own = tuple(counts)
    return Piece(places=slice(end - len(own), end), counts=own, rows=whole_lines(max(own)), begin=0, whole=own, abreast=True)


def _cut(place: int, count: int, most: int) -> Iterator[Piece]:
    for begin in range(0, count, most):
        own = min(most, count - begin)
        yield Piece(places=slice(place, place + 1), counts=(own,), rows=own, begin=begin, whole=(count,), abreast=False)
