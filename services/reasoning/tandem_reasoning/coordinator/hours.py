"""What the machines of lanes cost by the hour, used or not: booked minute by minute while a coordinator is up and the run is not over."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from tandem_reasoning.ledger import Charge, Desk, LedgerError
from tandem_reasoning.values import Lane

_EVERY_S = 60.0  # what a kill may leave unbooked; a row in the books each time
_HOUR_S = 3600.0

_log = logging.getLogger(__name__)


class Hours:
    """The meter of one coordinator.

    Args:
        desk: Where it is booked.
        lanes: Those with a price by the hour are booked.
        over: Whether the run is over, so that nobody has to pay any more.
        clock: Seconds, monotonic.
        begun: Names this coordinator's time and no other's.
    """

    def __init__(self, desk: Desk, lanes: Sequence[Lane], *, over: Callable[[], bool], clock: Callable[[], float], begun: str) -> None:
        self._desk, self._over, self._clock, self._begun = desk, over, clock, begun
        now = clock()
        self._until = {lane: (now, 0) for lane in lanes if lane.price.hour_nano}  # booked so far, and in how many parts

    async def run(self) -> None:
        """Book again and again, until cancelled."""
        while self._until:
            await asyncio.sleep(_EVERY_S)
            await self.book()

    async def book(self) -> None:
        """Book what came since the last time. What cannot be booked now is booked with the next."""
        now = self._clock()
        for lane, (until, part) in tuple(self._until.items()):
            nano = 0 if self._over() else round(lane.price.hour_nano * (now - until) / _HOUR_S)
            try:
                if nano:
                    await self._desk.ask(Charge(lane=lane.name, nano=nano, why=f"hours of {self._begun}, {part}"))
            except LedgerError as error:
                _log.warning("%s; hours of lane %s are booked in %.0f s", error, lane.name, _EVERY_S)
            else:
                self._until[lane] = (now, part + 1)
