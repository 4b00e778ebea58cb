"""What the operator has seen of a pod with its own eyes, and when, by a clock of its own that nobody sets."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Since when a pod is seen on its machine, and when it must have left that, if it was asked to; in seconds of our clock.

    Whoever takes over from another operator gives a pod its whole grace period once more.
    """

    placed_at: float | None = None
    leaves_by: float | None = None


NEVER: Final = Sighting()
"""Of a pod that was not seen before."""
