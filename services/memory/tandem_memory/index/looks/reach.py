"""How far a search in cells has to go: measured for a few nearest and for many, and by the logarithm of their number between."""

import math
from dataclasses import dataclass, replace

FEW, MANY = 10, 100  # nearest, for which it is measured
THIN = 0.01  # of the rows at least, for which it is measured once more: its ten nearest are as far away as the thousand nearest of all
_NO_FURTHER = 1.1  # times as many: a tenth of the rows may be removed


@dataclass(frozen=True, slots=True)
class Far:
    """How far a search has to go for a question that is less like the rows than these are like each other.

    Attributes:
        below: Its product with the nearest centroid is less than this.
        gap: As that of `Effort`; infinite where all rows have to be scanned.
    """

    below: float
    gap: float


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search does.

    Attributes:
        gap: How much less near than the last cell that is needed another may be (`Cells.chosen`).
        cells: How many cells that are, in the mean.
        finds: How many of what is found are measured exactly.
        far: What is otherwise for some; None where nothing is.
    """

    gap: float
    cells: float
    finds: int
    far: Far | None = None


@dataclass(frozen=True, slots=True)
class Thin:
    """What finds FEW nearest among a few of the rows, taken at random.

    Attributes:
        share: How much of all rows these are, below FEW / MANY.
        effort: The cheapest; None where scanning all rows is no further.
    """

    share: float
    effort: Effort | None


@dataclass(frozen=True, slots=True)
class Reach:
    """The cheapest effort that finds what is asked for.

    Attributes:
        few: Of FEW nearest.
        many: Of MANY; None where scanning all rows is no further.
        thin: Of FEW where a filter leaves only a few rows; None where so few are multiplied that MANY tells enough.
    """

    few: Effort
    many: Effort | None
    thin: Thin | None = None

    def effort(self, k: int, share: float) -> Effort | None:
        """For the k nearest among a share of the rows, above 0 and at most 1: these are as far away as k / share of all are."""
        if k / share <= _NO_FURTHER * FEW:
            return replace(self.few, finds=max(k, self.few.finds))
        if self.many is None:
            return None
        as_far, found = _between(k / share), min(1.0, _between(k))
        # A search goes to where k of what it wants are seen, however far that is: beyond what was measured the gap grows no more.
        gap = self.few.gap + min(1.0, as_far) * max(0.0, self.many.gap - self.few.gap)
        cells = self.few.cells * max(1.0, self.many.cells / self.few.cells) ** as_far
        finds = self.few.finds * (self.many.finds / self.few.finds) ** found * max(1.0, k / MANY)
        if self.thin is not None and as_far > 1.0:
            thin = self.thin.effort
            if thin is None:
                return None
            further = min(1.0, (as_far - 1.0) / (_between(FEW / self.thin.share) - 1.0))
            gap += further * max(0.0, thin.gap - gap)
            cells *= max(1.0, thin.cells / cells) ** further
            finds *= max(1.0, thin.finds / self.few.finds) ** further
        return Effort(gap=gap, cells=cells, finds=max(k, math.ceil(finds)), far=self.few.far)


def _between(k: float) -> float:
    """Where k stands between FEW (0) and MANY (1), by its logarithm; above 1 beyond."""
    return math.log(max(k, FEW) / FEW) / math.log(MANY / FEW)
