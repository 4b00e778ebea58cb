"""Does something grow? A line through samples by least squares, and how sure its slope is."""

import statistics
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt

_STUDENT = 2.1  # of 95 % for 18 degrees of freedom, twenty samples; for more it is less, down to 1.96

Sample = tuple[float, float]
"""When, in seconds, and how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """What is added a second, and the bounds that it is within by 95 % if samples are independent of each other."""

    a_second: float
    low: float
    high: float


def slope(samples: Sequence[Sample]) -> Slope:
    """The slope of three samples or more; of fewer than twenty the bounds are too narrow."""
    times, values = zip(*samples, strict=True)
    found = statistics.linear_regression(times, values)
    left = sum((value - found.slope * at - found.intercept) ** 2 for at, value in samples)
    spread = sum((at - statistics.fmean(times)) ** 2 for at in times)
    half = _STUDENT * sqrt(left / (len(samples) - 2) / spread)
    return Slope(a_second=found.slope, low=found.slope - half, high=found.slope + half)


@contextmanager
def sampling(sample: Callable[[], None], every_s: float) -> Generator[None]:
    """Within it a sample is taken again and again, in a thread of its own; the first and the last at its ends."""
    over = threading.Event()

    def again() -> None:
        sample()
        while not over.wait(every_s):
            sample()

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sample()
