"""What else costs money, and how much there is."""

from dataclasses import dataclass

from tandem_reasoning.ledger.draft import Draft
from tandem_reasoning.ledger.values import Books, State

_AFFORDED = "UPDATE item SET state = 'ready', until = 0, attempts = 0, too_dear = 0 WHERE state = 'failed' AND too_dear = 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCap:
    """Allow another spend from now on. Less than what is spent stops all calls that cost something; None allows any.

    If it is more than before, items that failed as too dear are tried again.
    """

    cap_nano: int | None

    def apply(self, draft: Draft) -> None:
        """Keep it."""
        before = draft.cap_nano
        if before == self.cap_nano:
            return
        draft.run("UPDATE run SET cap_nano = ?", self.cap_nano)
        draft.cap_nano = self.cap_nano
        more = before is not None and (self.cap_nano is None or self.cap_nano > before)
        if more and (again := draft.run(_AFFORDED)):
            draft.move(State.FAILED, State.READY, number=again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Book what a lane costs beside its calls, such as an hour of its machine: it is spent already, so no cap refuses it.

    `why` names it, as in "hour 2026-01-01T10"; each is booked once for each lane.
    """

    lane: str
    nano: int
    why: str

    def apply(self, draft: Draft) -> bool:
        """Whether it is new."""
        statement = "INSERT INTO charge (lane, why, nano, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        new = draft.run(statement, self.lane, self.why, self.nano, draft.now) == 1
        if new:
            draft.book(self.lane, Books(spent_nano=self.nano, charged_nano=self.nano))
        return new
