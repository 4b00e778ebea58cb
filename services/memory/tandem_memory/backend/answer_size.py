"""What of that which a search found goes into one answer, in every backend. Pure; what does not is read no further than to see that."""

from collections.abc import Iterable, Sequence

from tandem_memory.backend import FOUND_BYTES, Near, TooLarge


def within(found: Iterable[Iterable[Near]]) -> list[Sequence[Near] | TooLarge]:
    """What each query found, unless it is too large with what those before it found."""
    answers, room_bytes = list[Sequence[Near] | TooLarge](), FOUND_BYTES
    for nearest in found:
        answer, weight = _together(nearest, room_bytes)
        answers.append(answer)
        room_bytes -= weight
    return answers


def _together(nearest: Iterable[Near], room_bytes: int) -> tuple[Sequence[Near] | TooLarge, int]:
    """What a query found, if there is room for all of it, and how much it takes of that; a single record has room whatever its size."""
    taken, weight = list[Near](), 0
    for near in nearest:
        weight += len(near.packed)
        if weight > room_bytes and (taken or room_bytes < FOUND_BYTES):
            return TooLarge(), 0
        taken.append(near)
    return taken, weight
