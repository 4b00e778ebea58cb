"""What a call that was begun means for the books, at each stage of its life.

It is open until it is settled (the answer came, and what it cost is known), discarded (nothing was sent) or unconfirmed (nobody
told the end). An unconfirmed one is taken to have cost its worst case, until it is settled or discarded after all.
"""

from dataclasses import dataclass
from enum import StrEnum

from tandem_reasoning.ledger.values import Books


class Stage(StrEnum):
    """How far a bill has come."""

    OPEN = "open"
    SETTLED = "settled"
    UNCONFIRMED = "unconfirmed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """One call that was begun, or several of one lane and stage added up.

    Attributes:
        lane: Who is paid.
        state: How far it has come.
        worst_nano: What was set aside.
        cost_nano: What it cost, once settled.
        input_tokens: Read, once settled.
        output_tokens: Written, once settled.
        records: Whether it made the record of its key.
        number: How many these are.
    """

    lane: str
    state: Stage
    worst_nano: int
    cost_nano: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    records: bool = False
    number: int = 1

    @property
    def books(self) -> Books:
        """Its part in the books of its lane."""
        match self.state:
            case Stage.OPEN:
                return Books(reserved_nano=self.worst_nano)
            case Stage.UNCONFIRMED:
                return Books(spent_nano=self.worst_nano, unconfirmed_nano=self.worst_nano, unconfirmed_calls=self.number)
            case Stage.DISCARDED:
                return Books()
            case Stage.SETTLED:
                return Books(
                    spent_nano=self.cost_nano,
                    rebilled_nano=0 if self.records else self.cost_nano,
                    rebilled_calls=0 if self.records else self.number,
                    calls=self.number if self.records else 0,
                    input_tokens=self.input_tokens,
                    output_tokens=self.output_tokens,
                )
