"""Does something grow? A line through samples by least squares, and how sure its slope is."""

import statistics
import threading
import time
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
def sampled(value: Callable[[], float], every_s: float) -> Generator[list[Sample]]:
    """The samples, which are taken within it in a thread of their own, the first and the last at its ends."""
    samples: list[Sample] = []
    over = threading.Event()

    def sample() -> None:
        while True:
            samples.append((time.monotonic(), value()))
            if over.wait(every_s):
                return

    sampling = threading.Thread(target=sample, daemon=True)
    sampling.start()
    try:
        yield samples
    finally:
        over.set()
        sampling.join()
        samples.append((time.monotonic(), value()))
