"""A token bucket: so much a minute, and a few seconds' worth of it at once. Pure; `now` is in seconds, from any beginning."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """A bucket that is full at first.

    Attributes:
        per_minute: What flows in.
        size: What it holds.
    """

    per_minute: float
    size: float
    _level: float = field(init=False)
    _at: float | None = None

    def __post_init__(self) -> None:
        self._level = self.size

    def level(self, now: float) -> float:
        """What is in it."""
        if self._at is not None:
            self._level = min(self.size, self._level + (now - self._at) * self.per_minute / 60)
        self._at = now
        return self._level

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until `amount` could be taken, or all that it ever holds; 0 for at once."""
        return max(0.0, (min(amount, self.size) - self.level(now)) * 60 / self.per_minute)

    def take(self, amount: float, now: float) -> None:
        """Take so much; below nothing, if need be. A negative amount is given back."""
        self._level = min(self.size, self.level(now) - amount)
