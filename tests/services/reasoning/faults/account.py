"""What a provider writes down of its callers, by itself and for itself: tests compare it with what Tandem booked."""

from collections import Counter
from dataclasses import dataclass, field

from tandem_reasoning.values import Price, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A call that was computed, and so is paid.

    Attributes:
        usage: Tokens that it took.
        cost_nano: What it cost, nano-dollars.
        delivered: Whether the whole answer was handed over.
    """

    usage: Usage
    cost_nano: int
    delivered: bool


@dataclass(slots=True)
class Account:
    """The provider's own book.

    Attributes:
        charges: In the order in which they were computed.
        statuses: How many calls ended with each HTTP status; 200 for those that were cut or left, too.
        most_at_once: Calls that were in the provider at the same time, at most.
    """

    charges: list[Charge] = field(default_factory=list[Charge])
    statuses: Counter[int] = field(default_factory=Counter[int])
    most_at_once: int = 0

    def charge(self, usage: Usage, price: Price, *, delivered: bool) -> None:
        """Book a call."""
        self.charges.append(Charge(usage=usage, cost_nano=price.of(usage), delivered=delivered))

    @property
    def spent_nano(self) -> int:
        """All that was ever charged, nano-dollars."""
        return sum(charge.cost_nano for charge in self.charges)

    @property
    def undelivered_nano(self) -> int:
        """What was charged for answers that did not arrive whole."""
        return sum(charge.cost_nano for charge in self.charges if not charge.delivered)

    @property
    def usage(self) -> Usage:
        """All tokens."""
        return Usage(
            input_tokens=sum(charge.usage.input_tokens for charge in self.charges),
            output_tokens=sum(charge.usage.output_tokens for charge in self.charges),
        )

    def told(self) -> dict[str, object]:
        """The book as JSON."""
        return {
            "calls": len(self.charges),
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "spent_nano": self.spent_nano,
            "undelivered_nano": self.undelivered_nano,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "most_at_once": self.most_at_once,
        }
