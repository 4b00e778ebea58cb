"""Calls that may be under way, and whose they are: what a worker that is gone had is not waited for any longer.

A worker is gone when nothing was heard of it for as long as a lease lasts: one that lives keeps its leases, and says so three times as
often. The books take its calls to be spent by themselves, when the leases lapse; here the lanes get their places back.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tandem_reasoning.coordinator.granting.lane_desk import Granted, LaneDesk
from tandem_reasoning.values import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A call.

    Attributes:
        worker: Who makes it.
        item: What for.
        desk: Of the lane that is asked.
        granted: The lane's leave.
        ticket: Its number in the books.
        most: The most that it can read and write.
        at: When it goes out, monotonic seconds.
        beside: The same call that took long, if this one is made beside it.
    """

    worker: str
    item: str
    desk: LaneDesk
    granted: Granted
    ticket: int
    most: Usage
    at: float
    beside: "Sent | None" = None

    @property
    def first(self) -> "Sent":
        """The call itself, or the one that it is made beside."""
        return self.beside or self


class UnderWay:
    """Calls by their tickets."""

    def __init__(self, clock: Callable[[], float], silence_s: float) -> None:
        """Begin.

        Args:
            clock: Monotonic seconds.
            silence_s: For how long nothing is heard of a worker that is gone.
        """
        self._clock, self._silence_s = clock, silence_s
        self._sent: dict[int, Sent] = {}
        self._heard: dict[str, float] = {}

    def began(self, sent: Sent) -> None:
        """A call is made. One of the same ticket was not: the answer to its wish was lost, and so it was asked for again."""
        if before := self._sent.pop(sent.ticket, None):
            before.desk.given_back(before.granted)
        self._sent[sent.ticket] = sent

    def ended(self, ticket: int) -> Sent | None:
        """The call that has ended; None when it is not known any more."""
        return self._sent.pop(ticket, None)

    def of(self, ticket: int) -> Sent | None:
        """The call of a ticket."""
        return self._sent.get(ticket)

    def beside(self, first: Sent) -> Sent | None:
        """The second call that is made beside this one."""
        return next((each for each in self._sent.values() if each.beside is first), None)

    def heard(self, worker: str) -> None:
        """A worker said something."""
        self._heard[worker] = self._clock()

    def look(self) -> None:
        """Give up what workers had of whom nothing is heard any more."""
        now = self._clock()
        for worker in [each for each, at in self._heard.items() if now - at > self._silence_s]:
            self.lost(worker)

    def lost(self, worker: str, *, but: Collection[str] = ()) -> None:
        """A worker is gone, or was started anew and knows of nothing but the items in `but`."""
        gone = [each for each in self._sent.values() if each.worker == worker and each.item not in but]
        for each in gone:
            del self._sent[each.ticket]
            each.desk.lost(each.granted)
        if not but:
            for desk in {id(each.desk): each.desk for each in gone}.values():
                desk.forget(worker)
            self._heard.pop(worker, None)
