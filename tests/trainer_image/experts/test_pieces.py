"""The pairs of a visit, a few at a time."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st
from tandem_trainer.experts.moving.pieces import Part, pieces

COUNTS = st.lists(st.integers(0, 25), min_size=1, max_size=8).filter(any)


@given(counts=COUNTS, most=st.integers(1, 12))
def test_every_pair_is_worked_on_once_and_no_piece_is_too_large(counts: list[int], most: int) -> None:
    """Pieces follow each other without a gap, none is larger than asked, and parts lie one behind the other in each."""
    made = list(pieces(tuple(accumulate(counts)), most))
    assert [piece.begin for piece in made] == [0, *(piece.end for piece in made[:-1])]
    assert made[-1].end == sum(counts)
    for piece in made:
        assert 0 < piece.end - piece.begin <= most
        assert [part.own.start for part in piece.parts] == [0, *(part.own.stop for part in piece.parts[:-1])]
        assert piece.parts[-1].own.stop == piece.end - piece.begin


@given(counts=COUNTS, most=st.integers(1, 12))
def test_an_expert_is_cut_alike_whoever_its_neighbours_are(counts: list[int], most: int) -> None:
    """The sizes of its parts, and which is the first and the last, are those that it would have alone."""
    together = [part for piece in pieces(tuple(accumulate(counts)), most) for part in piece.parts]
    for place, count in enumerate(counts):
        alone = [part for piece in pieces((count,), most) for part in piece.parts]
        own = [part for part in together if part.place == place]
        assert [_looks(part) for part in own] == [_looks(part) for part in alone]
        assert all(abs(part.share * count - 1) < 1e-9 for part in own)


def _looks(part: Part) -> tuple[int, bool, bool]:
    return part.own.stop - part.own.start, part.first, part.last
