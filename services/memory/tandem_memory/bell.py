"""How whoever has read a log to its end sleeps until there may be more, in every backend."""

import asyncio


class Bell:
    """Wakes all who sleep, once. Used on the event loop only."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all who sleep now."""
        self._rung.set()
        self._rung = asyncio.Event()

    def next(self) -> asyncio.Event:
        """What the next ring sets: taken before a look, so that nothing that comes after the look is slept through."""
        return self._rung


async def rung_or_late(rung: asyncio.Event, wait_s: float) -> None:
    """Sleep until the ring, and no longer than `wait_s`."""
    try:
        await asyncio.wait_for(rung.wait(), max(wait_s, 0))
    except TimeoutError:
        return
