"""The pairs of a visit, a few at a time."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_trainer.experts.moving.pieces import Piece, pieces
from tandem_trainer.experts.sizes import LINE

COUNTS = st.lists(st.integers(0, 90), min_size=1, max_size=12).filter(any)
MOST = st.integers(2 * LINE, 6 * LINE)
FEW = st.integers(0, 2 * LINE)
ABREAST = st.integers(1, 5)


@given(counts=COUNTS, most=MOST, few=FEW, abreast=ABREAST)
def test_every_pair_is_worked_on_once_and_no_piece_is_too_large(counts: list[int], most: int, few: int, abreast: int) -> None:
    """Each place's pairs follow each other without a gap, and no piece has more rows than asked, or more experts."""
    seen = [0] * len(counts)
    for piece in pieces(counts, most=most, few=few, abreast=abreast):
        places = range(len(counts))[piece.places]
        assert len(places) == len(piece.counts) == len(piece.whole) <= abreast
        assert len(places) * piece.rows <= most
        for place, own, whole in zip(places, piece.counts, piece.whole, strict=True):
            assert piece.begin == seen[place]
            assert whole == counts[place]
            assert 0 < own <= piece.rows
            assert piece.first == (seen[place] == 0)
            seen[place] += own
            assert piece.last == (seen[place] == whole)
    assert seen == counts


@given(counts=COUNTS, most=MOST, few=FEW, abreast=ABREAST)
def test_an_expert_is_cut_alike_whoever_its_neighbours_are(counts: list[int], most: int, few: int, abreast: int) -> None:
    """How many of its pairs are in which piece, and whether those are worked on side by side, is as if it were alone."""
    together = list(pieces(counts, most=most, few=few, abreast=abreast))
    for place, count in enumerate(counts):
        alone = [_looks(piece, 0) for piece in pieces([count], most=most, few=few, abreast=abreast)]
        assert [_looks(piece, place) for piece in together if piece.places.start <= place < piece.places.stop] == alone


def test_small_ones_lie_side_by_side_as_far_as_there_is_room() -> None:
    """Rows are whole cache lines; whoever has nothing to do, or much, parts those on either side."""
    made = list(pieces([3, 9, 17, 0, 5, 70, 1, 2, 3], most=96, few=32, abreast=2))
    assert [(piece.counts, piece.rows) for piece in made] == [((3, 9), 16), ((17,), 32), ((5,), 16), ((70,), 70), ((1, 2), 16), ((3,), 16)]


def _looks(piece: Piece, place: int) -> tuple[int, int, int, bool]:
    number = place - piece.places.start
    return piece.begin, piece.counts[number], piece.whole[number], piece.abreast
