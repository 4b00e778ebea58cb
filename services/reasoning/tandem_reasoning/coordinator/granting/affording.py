"""Whether a call that the money does not reach for ends all work that costs something, or is refused alone.

A worst case counts a token for each byte, so one very long question may ask for more than is left while there is money for a hundred
others. What a usual call may cost is told from the call at hand: the same words around a question of usual length.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from statistics import median_low
from typing import Self

from tandem_reasoning.ledger import OverBudget
from tandem_reasoning.values import NANO_USD, Lane, Price, Usage

UNUSUAL = 2
"""Times as much as a usual call one may cost that is refused alone: usual questions differ in length, too, and where the money ends the run
is to end with it, rather than to give up one question after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """The money does not reach, and will not; `worst_nano` is what the call may cost."""

    why: str
    worst_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dear:
    """The money reaches for other calls and not for this one; `elsewhere` is whether its question may go to another lane."""

    why: str
    elsewhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long questions are.

    Attributes:
        of_item: Bytes of each, by its id.
        usual: Bytes of a usual one: there is one that is so long.
    """

    of_item: Mapping[str, int]
    usual: int

    @classmethod
    def among(cls, of_item: Mapping[str, int]) -> Self:
        """With the usual one as these have it."""
        return cls(of_item=of_item, usual=median_low(of_item.values()) if of_item else 0)

    def longer(self, item: str) -> int:
        """By how many bytes an item's question is longer than a usual one; negative where it is shorter, 0 where it is not known."""
        return self.of_item.get(item, self.usual) - self.usual


class Affording:
    """Knows which questions are too dear for which lanes."""

    def __init__(self, instead: Collection[str], longer: Callable[[str], int]) -> None:
        """Begin.

        Args:
            instead: Lanes that may answer what is too dear for another.
            longer: Tells by how many bytes the question of an item is longer than a usual one.
        """
        self._instead, self._longer = instead, longer
        self._dear: dict[str, set[str]] = {}  # lanes by item

    def refused(self, over: OverBudget, item: str, lane: Lane) -> Dear | Broke:
        """What a call comes to that does not fit, and will not."""
        left = (over.cap_nano - over.spent_nano) / NANO_USD
        why = f"the call may cost ${over.worst_nano / NANO_USD:.6f} and ${left:.6f} is left"
        if not alone(over, lane.price, longer_bytes=self._longer(item)):
            return Broke(why=why, worst_nano=over.worst_nano)
        dear = self._dear.setdefault(item, set())
        dear.add(lane.name)
        why = f"{why} on lane {lane.name}, enough for shorter questions: shorten this one, or give the run a larger budget"
        return Dear(why=why, elsewhere=self._elsewhere(dear))

    def dear(self, item: str) -> Collection[str]:
        """Lanes not to be asked for an item, since it is too dear there; none where it is everywhere: it is refused then, and fails so."""
        dear = self._dear.get(item, ())
        return dear if self._elsewhere(dear) else ()

    def nowhere(self, item: str) -> bool:
        """Whether an item is too dear for all lanes, as far as this coordinator has seen: another one finds out by asking once more."""
        dear = self._dear.get(item)
        return dear is not None and not self._elsewhere(dear)

    def done(self, item: str) -> None:
        """An item is over."""
        self._dear.pop(item, None)

    def _elsewhere(self, dear: Collection[str]) -> bool:
        return any(name not in dear for name in self._instead)


def alone(over: OverBudget, price: Price, *, longer_bytes: int) -> bool:
    """Whether it is refused alone: it is no usual call, and those still fit.

    Args:
        over: What it may cost, and how the money stands.
        price: Of the lane that is to be asked.
        longer_bytes: By how much its question is longer than a usual one; negative if it is shorter.
    """
    usual_nano = over.worst_nano - price.of(Usage(input_tokens=max(0, longer_bytes), output_tokens=0))
    return usual_nano <= over.cap_nano - over.spent_nano and UNUSUAL * usual_nano <= over.worst_nano
