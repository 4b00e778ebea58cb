"""Decides when a call that takes long is made a second time elsewhere, and where: whoever answers first is taken (Dean and Barroso 2013).

After three times the median of its lane and expert. Normal jitter does not reach that, and stragglers do not move it: a high percentile
is as late as they are once one call in twenty is. Clock-free; not for threads.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from tandem_reasoning.lanes.standing import Phase

AFTER_MEDIANS = 3.0
"""Times the median that a call takes before it is made again."""
MOST_EXTRA = 0.05
"""Second calls for each first one, at most."""
KNOWN = 20
"""Calls of a lane and expert before their median is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call is, or might be, made.

    Attributes:
        lane: Name of the lane.
        url: The server.
        phase: How it stands.
        idle: Calls that it could take on at once; a lane without an idle place is helped by no second call.
        cost_nano: What the call costs there at most, nano-dollars.
    """

    lane: str
    url: str
    phase: Phase
    idle: int
    cost_nano: int


class Hedging:
    """What calls took of late, and how many second ones may be made.

    Args:
        after_medians: When.
        most_extra: How many.
    """

    def __init__(self, *, after_medians: float = AFTER_MEDIANS, most_extra: float = MOST_EXTRA) -> None:
        self._after_medians, self._most_extra = after_medians, most_extra
        self._took: dict[tuple[str, str], deque[float]] = {}
        self._medians: dict[tuple[str, str], float] = {}
        self._may_spend = 0.0
        self.second_calls = 0

    def began(self) -> None:
        """A first call is made: the right to a part of a second one is earned, and kept for the time of a burst."""
        self._may_spend = min(_BURST, self._may_spend + self._most_extra)

    def took(self, lane: str, expert: str, seconds: float) -> None:
        """A call was answered; of one that was made twice, from the first sending to the first answer."""
        recent = self._took.setdefault((lane, expert), deque(maxlen=_RECENT))
        recent.append(seconds)
        self._medians[lane, expert] = median(recent)

    def after_s(self, lane: str, expert: str) -> float | None:
        """Seconds after which a call is worth a second one; None while too little is known of this lane and expert."""
        known = self._took.get((lane, expert), ())
        return self._after_medians * self._medians[lane, expert] if len(known) >= KNOWN else None

    def second(self, first: Place, others: Iterable[Place]) -> Place | None:
        """Where to make the call again; the right to do so is spent with it, unless it is `not_made`.

        Nowhere, if the lane of the first call is not well: then many calls are late, and as many again would be the end of it. Else the
        cheapest place that is well and idle, the one with most room among equals.

        Args:
            first: Where the call is being made.
            others: Every other server, of this lane and of others.
        """
        if first.phase is not Phase.READY or self._may_spend < 1.0 - _ROUNDING:
            return None
        free = [each for each in others if each.phase is Phase.READY and each.idle > 0 and each.url != first.url]
        if not free:
            return None
        self._may_spend -= 1.0
        self.second_calls += 1
        return min(free, key=lambda each: (each.cost_nano, -each.idle))

    def not_made(self) -> None:
        """The second call was not made: its place had no room by then, or the money did not reach. The right is there again."""
        self._may_spend += 1.0
        self.second_calls -= 1


_RECENT = 100  # calls that a median is of: a lane that slows down is believed after half of them
_BURST = 5.0  # stragglers come together, when a server collects garbage or loads; a saved-up hundred would be a load of its own
_ROUNDING = 1e-9
