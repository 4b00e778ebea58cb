"""Windows are shared so that every conversation is in one of them, whole, and little is padding."""

from hypothesis import given
from hypothesis import strategies as st
from tandem_trainer.data.conversations.packing import packed

ROOM = 64


@given(st.lists(st.integers(1, ROOM), max_size=200))
def test_every_conversation_has_its_place_and_no_window_overflows(lengths: list[int]) -> None:
    """Each number once; no more tokens than there is room; not even two windows are less than half full."""
    windows = packed(lengths, ROOM)
    assert sorted(number for window in windows for number in window) == list(range(len(lengths)))
    filled = [sum(lengths[number] for number in window) for window in windows]
    assert all(tokens <= ROOM for tokens in filled)
    assert sum(tokens <= ROOM // 2 for tokens in filled) <= 1
    assert packed(lengths, ROOM) == windows


def test_a_file_in_order_of_subjects_is_mixed() -> None:
    """Rows of one length are not packed with their neighbours, or every step would be about one thing."""
    windows = packed([8] * 800, ROOM)
    assert len(windows) == 100
    assert sum(max(window) - min(window) > 200 for window in windows) > 90
