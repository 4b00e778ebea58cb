"""For which lanes the money does not reach now, and whether the run stops there.

Asked anew each time: what was taken to be spent until somebody could say what a call had cost may be free again.
"""

from collections.abc import Callable, Collection

from tandem_reasoning.coordinator.granting.affording import Broke
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Sums


class Shortage:
    """Told of each call that did not fit."""

    def __init__(self, job: Job, sums: Callable[[], Sums]) -> None:
        """Begin; `sums` is what the books add up to."""
        self._sums, self._stops = sums, job.stops_at_budget
        self._by_hour = [lane.name for lane in job.lanes if lane.lane.price.hour_nano]
        self._refused: dict[str, Broke] = {}  # by lane: the cheapest call that did not fit

    def refused(self, lane: str, broke: Broke) -> None:
        """A call on a lane did not fit, and will not."""
        known = self._refused.get(lane)
        if known is None or broke.worst_nano <= known.worst_nano:
            self._refused[lane] = broke

    @property
    def lanes(self) -> Collection[str]:
        """Lanes that cannot be paid."""
        sums = self._sums()
        if sums.cap_nano is None:
            return ()
        return [name for name, broke in self._refused.items() if sums.total.spent_nano + broke.worst_nano > sums.cap_nano]

    @property
    def why(self) -> str:
        """Why no more calls that cost something can be made, on one lane at least; empty while they can."""
        if self._used_up_by_hours:
            return f"all of it is spent, and lane {self._by_hour[0]} costs some by the hour"
        return next((self._refused[name].why for name in self.lanes), "")

    @property
    def halts(self) -> bool:
        """Whether the run ends with its money: no budget holds beside a lane that goes on costing."""
        return self._used_up_by_hours or (self._stops and bool(self.lanes))

    @property
    def _used_up_by_hours(self) -> bool:
        sums = self._sums()
        return bool(self._by_hour) and sums.cap_nano is not None and sums.total.spent_nano >= sums.cap_nano
