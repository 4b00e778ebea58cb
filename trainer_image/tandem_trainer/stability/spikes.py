"""Is this loss a spike? Judged against the median of the last steps, in robust standard deviations.

Median and median absolute deviation, because the mean and the standard deviation of a window are ruined by the very
spikes that they should find; for the same reason a spike never enters the window. The factor 1.4826 makes the median
absolute deviation of a normal distribution its standard deviation (Hampel 1974). Deterministic: every rank that sees
the same reduced losses comes to the same answer.
"""

import math
from collections import deque
from statistics import median

_NORMAL = 1.4826
_ENOUGH = 8  # below that many losses, no yardstick
LOST_AFTER = 10  # after so many steps in a row that end in no number, the weights are lost: later steps only cost money
_FLAT = 1e-3  # deviations below this share of the median are noise of the number format


class Spikes:
    """A window of unsuspicious losses and the number of spikes seen."""

    def __init__(self, *, window: int, sigmas: float) -> None:
        self._window: deque[float] = deque(maxlen=window)
        self._sigmas = sigmas
        self.seen = 0
        self.not_finite_in_a_row = 0

    def spike(self, loss: float) -> bool:
        """Whether `loss` is a spike; a loss that is not finite always is."""
        self.not_finite_in_a_row = 0 if math.isfinite(loss) else self.not_finite_in_a_row + 1
        if math.isfinite(loss) and not self._above(loss):
            self._window.append(loss)
            return False
        self.seen += 1
        return True

    def _above(self, loss: float) -> bool:
        if len(self._window) < _ENOUGH:
            return False
        middle = median(self._window)
        deviation = _NORMAL * median(abs(each - middle) for each in self._window)
        return loss > middle + self._sigmas * max(deviation, _FLAT * abs(middle))
