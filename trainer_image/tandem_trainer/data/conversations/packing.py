"""Which conversations share a window, so that little of it is padding. Pure.

The longest first, each into the fullest window that has room for it (best fit decreasing: never more than 11/9 of the fewest
windows there could be, and one; Johnson 1974). Equally long ones are taken in a mixed order, for a file is often sorted by subject.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

from tandem_trainer.data.order import Order


def packed(lengths: Sequence[int], room: int) -> tuple[tuple[int, ...], ...]:
    """Windows of `room` tokens, each with the numbers of its conversations; every length is at least 1 and at most `room`."""
    mixed = Order(samples=len(lengths)).visited(0, len(lengths)).tolist() if lengths else []
    windows: list[list[int]] = []
    left: list[tuple[int, int]] = []  # tokens left in a window, and its number: sorted
    for number in sorted(mixed, key=lambda number: -lengths[number]):
        place = bisect_left(left, (lengths[number], 0))
        if place == len(left):
            rest, window = room, len(windows)
            windows.append([])
        else:
            rest, window = left.pop(place)
        windows[window].append(number)
        if rest > lengths[number]:
            insort(left, (rest - lengths[number], window))
    return tuple(map(tuple, windows))
