"""What finding out about a server costs, and what was found: set aside before the first call of a probe, settled with the findings.

A probe is of no item, so it has no bill; it is a charge of its lane, at its worst until somebody tells its end. Whoever is killed
at it leaves the worst case booked, as with all calls.
"""

from dataclasses import dataclass

from tandem_reasoning.ledger.draft import Draft
from tandem_reasoning.ledger.jobs.money import Charge
from tandem_reasoning.ledger.values import Books, OverBudget

_SET_RIGHT = "UPDATE charge SET nano = ? WHERE lane = ? AND why = ?"
_KEEP = "INSERT INTO probe (lane, url, findings) VALUES (?, ?, ?) ON CONFLICT (lane, url) DO UPDATE SET findings = excluded.findings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Ask to find out about a server.

    Attributes:
        lane: Whose it is.
        why: Names this probe and no other.
        worst_nano: Most that it can cost.
    """

    lane: str
    why: str
    worst_nano: int

    def apply(self, draft: Draft) -> bool | OverBudget:
        """Whether it is new; not if the money does not reach."""
        if over := draft.over_budget(self.worst_nano):
            return over
        return Charge(lane=self.lane, nano=self.worst_nano, why=self.why).apply(draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Keep what a probe found, and pay what it cost.

    Attributes:
        lane: Whose the server is.
        url: Which.
        why: As the probe was asked for.
        cost_nano: What it cost.
        findings: What was found, as text; None keeps nothing, as after a server that did not answer.
    """

    lane: str
    url: str
    why: str
    cost_nano: int
    findings: str | None

    def apply(self, draft: Draft) -> None:
        """Keep it; told again, it stays as it is."""
        row = draft.one("SELECT nano FROM charge WHERE lane = ? AND why = ?", self.lane, self.why)
        if row is not None and row[0] != self.cost_nano:
            draft.run(_SET_RIGHT, self.cost_nano, self.lane, self.why)
            more_nano = self.cost_nano - row[0]
            draft.book(self.lane, Books(spent_nano=more_nano, charged_nano=more_nano))
        if self.findings is not None:
            draft.run(_KEEP, self.lane, self.url, self.findings)
