"""What several seeds say together: the mean, and where it lies nineteen times in twenty (Student's t)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

T_95 = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365}  # by number of seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean of so many seeds, and its interval; one seed has none."""

    value: float
    low: float | None
    high: float | None
    seeds: int

    @property
    def beside(self) -> dict[str, float | None]:
        """What stands beside the figure in its line."""
        return {"low": self.low, "high": self.high, "seeds": float(self.seeds)}


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of one value a seed."""
    if len(values) == 1:
        return Mean(value=values[0], low=None, high=None, seeds=1)
    middle, reach = mean(values), T_95[len(values)] * stdev(values) / len(values) ** 0.5
    return Mean(value=middle, low=middle - reach, high=middle + reach, seeds=len(values))
