"""Decides when something of a size may happen at a rate: a token bucket, kept as the moment when all that was granted is worked off.

The generic cell rate algorithm (ITU-T I.371): one number instead of a level and a time, and a grant for later is as easy as one for now.
Values; `now` is in seconds on a clock that never goes back.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What was granted, of requests or tokens.

    Attributes:
        rate: How many a second.
        depth_s: How far grants may run ahead of the rate: a burst of `rate * depth_s` and one more.
        worked_off: When all that was granted is worked off at the rate.
    """

    rate: float
    depth_s: float
    worked_off: float = 0.0

    def at(self, now: float) -> float:
        """When the next grant may be used. One that is larger than the bucket is let through when it is full, and paid off afterwards."""
        return max(now, self.worked_off - self.depth_s)

    def granted(self, size: float, at: float) -> "Bucket":
        """With something of `size` to happen at `at`."""
        return replace(self, worked_off=max(self.worked_off, at) + size / self.rate)

    def returned(self, size: float) -> "Bucket":
        """With so much of a grant not used after all; less than nothing for what was more than thought."""
        return replace(self, worked_off=self.worked_off - size / self.rate)

    def at_rate(self, rate: float) -> "Bucket":
        """With another rate from now on."""
        return replace(self, rate=rate)

    def at_most(self, left: float, now: float) -> "Bucket":
        """With no more than `left` to be had now, since somebody who counts, too, says so."""
        return replace(self, worked_off=max(self.worked_off, now + self.depth_s - (left - 1) / self.rate))
